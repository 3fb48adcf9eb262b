// What a text was before: the browser's own undo forgets it when a text is set, as the form does, and then takes back
// other things than were written. It is kept here, and the browser's undo keys and menu are led to it.

const MOST = 500;
const PAUSE = 1000;
// Typed letters are one step until a pause, a blank or another kind of change.
const RUNS = ["insertText", "insertCompositionText", "deleteContentBackward", "deleteContentForward"];

export function historyOf(field, onChange) {
  let steps = [];
  let at = 0;
  let last = { kind: "", time: 0 };

  const now = () => ({ text: field.value, start: field.selectionStart, end: field.selectionEnd });

  function record(kind, data = "") {
    if (!steps.length) return begin();
    if (steps[at].text === field.value) return;
    const time = Date.now();
    const run = kind === "form" || (RUNS.includes(kind) && time - last.time < PAUSE && !/\s/.test(data));
    const joined = at > 0 && at === steps.length - 1 && kind === last.kind && run;
    if (!joined) at++;
    steps.length = at;
    steps.push(now());
    if (steps.length > MOST) steps.shift();
    at = steps.length - 1;
    last = { kind, time };
  }

  function begin() {
    steps = [now()];
    at = 0;
    pause();
  }

  // What comes next is a step of its own.
  function pause() {
    last = { kind: "", time: 0 };
  }

  function move(by) {
    const wanted = steps[at + by];
    pause();
    if (!wanted) return;
    at += by;
    field.value = wanted.text;
    field.setSelectionRange(wanted.start, wanted.end);
    onChange();
  }

  field.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    move(key === "y" || event.shiftKey ? 1 : -1);
  });
  field.addEventListener("beforeinput", (event) => {
    if (!["historyUndo", "historyRedo"].includes(event.inputType)) return;
    event.preventDefault();
    if (field.offsetParent) move(event.inputType === "historyRedo" ? 1 : -1);
  });
  return { record, begin, pause };
}
