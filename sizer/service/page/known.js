// What the server says once: the schema of sweep files, the types of blocks, the examples.
import { call } from "./api.js";

const said = {};

function once(path) {
  said[path] ??= call(path).catch((problem) => {
    delete said[path];
    throw problem;
  });
  return said[path];
}

// What completion knows of: {schema, types}, filled when it is there.
export function known() {
  const found = { schema: null, types: null };
  once("/v1/schema").then((schema) => (found.schema = schema), () => {});
  once("/v1/block-types").then(
    ({ block_types }) => {
      const titles = new Map(block_types.map((one) => [one.block_type, one.title]));
      found.types = new Map(block_types.map((one) => [one.block_type, one.fields]));
      found.types.title = (name) => titles.get(name);
    },
    () => {},
  );
  return found;
}

export const examples = () => once("/v1/examples").then((found) => found.examples);
export const formats = () => once("/v1/schema").then((schema) => schema.properties.output.properties.formats.items.enum, () => []);
