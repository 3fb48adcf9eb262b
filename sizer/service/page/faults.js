// What is wrong with a text: in its editor's gutter, and as a list of which each fault leads to its place.
import { Faults } from "./api.js";
import { element, replace } from "./dom.js";

export function faultList(write, before = () => {}) {
  const list = element("ul", { class: "faults", id: "faults", "aria-live": "polite" });

  function leadsTo(fault) {
    before();
    if (fault.line) write.goTo(fault.line, fault.column);
  }

  function show(faults) {
    write.mark(faults);
    replace(
      list,
      faults.map((fault) =>
        element(
          "li",
          {},
          element(
            "button",
            { type: "button", onclick: () => leadsTo(fault) },
            fault.line ? `line ${fault.line}, column ${fault.column}: ` : "",
            fault.path ? element("code", {}, `${fault.path}: `) : null,
            fault.message,
          ),
        ),
      ),
    );
  }

  // Say why there is no answer: here what is wrong with the text, in the answer's place the rest.
  function refuse(problem, place) {
    if (!(problem instanceof Faults)) {
      replace(place, element("p", { class: "bad-text" }, "The server does not answer."));
      return;
    }
    const wrong = problem.status === 422;
    show(wrong ? problem.faults : []);
    replace(place, element("p", { class: "quiet" }, wrong ? "Nothing is counted while there are faults." : problem.message));
  }

  return { element: list, show, refuse };
}
