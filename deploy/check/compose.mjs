// Checks a Compose file: its schema, and that what it names is there. node compose.mjs FILE; prints one line a mistake.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { parseDocument } from "yaml";

const [file] = process.argv.slice(2);
const folder = process.env.COMPOSE_FOLDER ?? dirname(file);
const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const mistakes = [];

const document = parseDocument(readFileSync(file, "utf8"), { merge: true });
document.errors.forEach((error) => mistakes.push(error.message));
const compose = document.errors.length > 0 ? { services: {} } : document.toJS();

const schema = JSON.parse(readFileSync(join(modules, "dclint/schemas/compose.schema.json"), "utf8"));
delete schema.$schema; // draft 7 by another address than Ajv's
const valid = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
if (!valid(compose)) {
  valid.errors.forEach((error) => mistakes.push(`${error.instancePath} ${error.message} ${Object.values(error.params).join(" ")}`));
}

const addresses = new Map();
const ports = new Set();
for (const [name, service] of Object.entries(compose.services)) {
  const complain = (what) => mistakes.push(`${name}: ${what}`);
  if (!service.image || (!service.image.includes(":") && service.image !== "dass-grid") || service.image.endsWith(":latest")) {
    complain(`image '${service.image}' has no version`);
  }
  for (const volume of service.volumes ?? []) {
    const source = volume.split(":")[0];
    if (source.startsWith(".") ? !existsSync(join(folder, source)) : !(source in (compose.volumes ?? {}))) {
      complain(`volume ${source} is not there`);
    }
  }
  const networks = Array.isArray(service.networks) ? Object.fromEntries(service.networks.map((each) => [each, {}])) : (service.networks ?? {});
  for (const [network, settings] of Object.entries(networks)) {
    if (!(network in (compose.networks ?? {}))) {
      complain(`network ${network} is not there`);
    }
    const address = settings?.ipv4_address;
    if (address && addresses.has(address)) {
      complain(`address ${address} is that of ${addresses.get(address)}`);
    }
    addresses.set(address, name);
    if (address && service.environment?.Grid__SiloAddress !== address) {
      complain(`Grid__SiloAddress is ${service.environment?.Grid__SiloAddress}, the address in the network ${address}`);
    }
  }
  if (service.environment?.Grid__Role && !networks.grid?.ipv4_address) {
    complain("a process of the grid has no address in its network");
  }
  for (const port of service.ports ?? []) {
    const outside = port.split(":").slice(0, -1).join(":");
    if (!outside.startsWith("127.0.0.1:") || ports.has(outside)) {
      complain(`port ${port} is not on loopback, or taken`);
    }
    ports.add(outside);
    if (Object.keys(networks).every((network) => compose.networks?.[network]?.internal)) {
      complain(`port ${port}: internal networks publish none`);
    }
  }
  for (const needed of Object.keys(service.depends_on ?? {})) {
    if (!(needed in compose.services)) {
      complain(`depends on ${needed}, which is not there`);
    }
  }
}

// Hosts that other files of the deployment name are services.
for (const [other, pattern] of [
  ["prometheus/prometheus.yml", /"([a-z0-9]+):\d+"/g],
  ["otel/collector.yaml", /endpoint: (?:http:\/\/)?(?!0\.0\.0\.0)([a-z0-9]+):\d+/g],
  ["grafana/provisioning/datasources/prometheus.yaml", /url: http:\/\/([a-z0-9]+):\d+/g],
  ["grafana/provisioning/datasources/traces.yaml", /url: http:\/\/([a-z0-9]+):\d+/g],
  ["grafana/provisioning/datasources/logs.yaml", /url: http:\/\/([a-z0-9]+):\d+/g],
]) {
  const hosts = [...readFileSync(join(folder, other), "utf8").matchAll(pattern)].map((match) => match[1]);
  hosts.filter((host) => !(host in compose.services)).forEach((host) => mistakes.push(`${other}: no service is called ${host}`));
  if (hosts.length === 0) {
    mistakes.push(`${other} names no host`);
  }
  // Grafana's own variables in files of which it takes ${NAME} for one of the environment.
  for (const [variable] of readFileSync(join(folder, other), "utf8").matchAll(/(?<!\$)\$\{__[a-z.]+\}/g)) {
    mistakes.push(`${other}: ${variable} is empty there; $${variable} stays`);
  }
}

mistakes.forEach((mistake) => console.error(`${file}: ${mistake}`));
process.exitCode = mistakes.length > 0 ? 1 : 0;
