// Checks Kubernetes objects: each against the JSON schema of its kind, unknown keys refused. node objects.mjs FILE…; prints one line a mistake.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseAllDocuments } from "yaml";
import { shapeOf, unknownKeys } from "./shapes.mjs";

const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const packages = { "keda.sh": "@kubernetes-models/keda", "monitoring.coreos.com": "@kubernetes-models/prometheus-operator" };

let mistakes = 0;
const kinds = new Map();
for (const file of process.argv.slice(2)) {
  const names = new Set();
  for (const document of parseAllDocuments(readFileSync(file, "utf8"))) {
    const object = document.toJS();
    if (document.errors.length > 0) {
      report(file, "YAML", document.errors[0].message);
    } else if (object) {
      const name = `${object.kind} ${object.metadata?.name}`;
      for (const mistake of names.has(name) ? ["two objects of one name"] : await mistakesOf(object)) {
        report(file, name, mistake);
      }
      names.add(name);
      kinds.set(object.kind, (kinds.get(object.kind) ?? 0) + 1);
    }
  }
}
console.log([...kinds].sort().map(([kind, count]) => `${count} ${kind}`).join(", "));
process.exitCode = mistakes > 0 || kinds.size === 0 ? 1 : 0;

async function mistakesOf(object) {
  const group = object.apiVersion.includes("/") ? object.apiVersion.split("/")[0] : "";
  const path = join(modules, packages[group] ?? "kubernetes-models", object.apiVersion, object.kind);
  let kind;
  try {
    kind = (await import(pathToFileURL(`${path}.js`)))[object.kind];
  } catch (missing) {
    return [`${object.apiVersion} ${object.kind} has no schema: ${missing.message}`];
  }
  const mistakes = [...unknownKeys(object, shapeOf(`${path}.d.ts`))].map((key) => `${key} is not a key of this kind`);
  try {
    new kind(object).validate();
  } catch (invalid) {
    mistakes.push(invalid.message);
  }
  for (const { name, env = [] } of object.spec?.template?.spec?.containers ?? []) {
    const names = env.map((variable) => variable.name);
    mistakes.push(...names.filter((each, at) => names.indexOf(each) < at).map((each) => `container ${name} has ${each} twice`));
  }
  return mistakes;
}

function report(file, name, mistake) {
  mistakes++;
  console.error(`${file}: ${name}: ${mistake}`);
}
