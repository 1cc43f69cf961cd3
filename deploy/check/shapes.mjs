// The keys that a type may have, read from the declarations (.d.ts) that the packages of Kubernetes' models ship: their validators let unknown keys pass.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const files = new Map();

/** A type of a file: {keys: Map of name to type, more: type of other keys, or null} | {items: type} | null, of which nothing is known. */
export function shapeOf(file) {
  if (!files.has(file)) {
    files.set(file, null); // schemas of schemas contain themselves
    files.set(file, new Parser(file).main());
  }
  return files.get(file);
}

/** Places of keys that the shape does not have, e.g. "spec.replica". */
export function* unknownKeys(value, shape, place = "") {
  const type = typeof shape === "function" ? shape() : shape;
  if (!type || value === null || typeof value !== "object") {
    return;
  }
  for (const [key, part] of Object.entries(value)) {
    const here = Array.isArray(value) ? `${place}[${key}]` : place ? `${place}.${key}` : key;
    if (Array.isArray(value)) {
      yield* unknownKeys(part, type.items ?? null, here);
    } else if (type.keys?.has(key)) {
      yield* unknownKeys(part, type.keys.get(key), here);
    } else if (type.more !== undefined) {
      yield* unknownKeys(part, type.more, here);
    } else {
      yield here;
    }
  }
}

class Parser {
  constructor(file) {
    const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
    this.imports = new Map();
    for (const [, names, from] of text.matchAll(/import \{ ([^}]*) \} from "([^"]+)"/g)) {
      names.split(",").forEach((name) => this.imports.set(name.trim(), resolve(file, from)));
    }
    // One declaration a file matters; what follows are classes with the same members.
    const [, kind, name, rest] = /export (interface|type) (I\w+)([\s\S]*)/.exec(text) ?? [null, null, null, ""];
    this.kind = kind;
    this.name = name;
    this.file = file;
    this.tokens = rest.match(/"(?:[^"\\]|\\.)*"|\w+|[^\s]/g) ?? [];
    this.at = 0;
  }

  main() {
    if (this.kind === "type") {
      this.take("=");
      return this.type();
    }
    const parents = [];
    if (this.is("extends")) {
      do {
        parents.push(this.named(this.next()));
      } while (this.is(","));
    }
    const shape = this.type();
    for (const parent of parents.map((parent) => (typeof parent === "function" ? parent() : parent))) {
      parent?.keys?.forEach((type, key) => shape.keys.has(key) || shape.keys.set(key, type));
    }
    return shape;
  }

  /** Of alternatives the first that has keys: the rest are words and numbers. */
  type() {
    let shape = this.one();
    while (this.is("|")) {
      shape = [shape, this.one()].find((one) => one) ?? null;
    }
    return shape;
  }

  one() {
    const token = this.next();
    if (token === "{") {
      return this.members();
    }
    if (token === "Array") {
      this.take("<");
      const items = this.type();
      this.take(">");
      return { items };
    }
    const shape = this.named(token);
    if (this.is("[")) { // a member of another type: of words only
      this.next();
      this.take("]");
      return null;
    }
    return shape;
  }

  members() {
    const shape = { keys: new Map() };
    while (!this.is("}")) {
      if (this.is("[")) {
        ["key", ":", "string", "]", ":"].forEach((token) => this.take(token));
        shape.more = this.type();
      } else {
        const key = this.next().replace(/^"|"$/g, "");
        this.is("?");
        this.take(":");
        shape.keys.set(key, this.type());
      }
      this.take(";");
    }
    return shape;
  }

  named(name) {
    if (name === "TypeMeta") {
      return { keys: new Map([["apiVersion", null], ["kind", null]]) };
    }
    const from = name === this.name ? this.file : this.imports.get(name);
    return from ? () => shapeOf(from) : null;
  }

  is(token) {
    return this.tokens[this.at] === token && ++this.at > 0;
  }

  next() {
    return this.tokens[this.at++];
  }

  take(token) {
    const found = this.next();
    if (found !== token) {
      throw new Error(`${this.file}: '${found}' where '${token}' is expected.`);
    }
  }
}

function resolve(file, from) {
  const path = from.startsWith(".") ? join(dirname(file), from.replace(/\.js$/, "")) : join(modules(file), from);
  return `${path}.d.ts`;
}

function modules(file) {
  return file.slice(0, file.indexOf("/node_modules/") + "/node_modules".length);
}
