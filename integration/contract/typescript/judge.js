// Carry out calls of Oracle's TypeScript SDK: one JSON document a line in, one out.
"use strict";

const { createInterface } = require("node:readline");

const common = require("oci-common");
const core = require("oci-core");
const identity = require("oci-identity");
const workrequests = require("oci-workrequests");

const RETRY = {
  terminationStrategy: new common.MaxAttemptsTerminationStrategy(4),
  delayStrategy: new common.FixedTimeDelayStrategy(0.01),
};
const WAIT = {
  terminationStrategy: new common.MaxTimeTerminationStrategy(20),
  delayStrategy: new common.FixedTimeDelayStrategy(0.05),
};
const NO_RETRY = common.NoRetryConfigurationDetails;

async function provider(settings) {
  if (settings.principal === "instance") {
    const builder = new common.InstancePrincipalsAuthenticationDetailsProviderBuilder();
    builder.metadataBaseUrl = `${settings.metadata}/opc/v2/`;
    builder.federationEndpoint = settings.endpoint;
    return builder.build();
  }
  return new common.SimpleAuthenticationDetailsProvider(
    settings.tenancy,
    settings.user,
    settings.fingerprint,
    settings.key,
    null,
    common.Region.fromRegionId(settings.region),
  );
}

async function clients(settings) {
  const params = { authenticationDetailsProvider: await provider(settings) };
  return [
    core.VirtualNetworkClient,
    core.ComputeClient,
    workrequests.WorkRequestClient,
    identity.IdentityClient,
    core.BlockstorageClient,
  ].map((Client) => {
    const client = new Client(params);
    // The setter of the endpoint adds the version of the API.
    client.endpoint = settings.endpoint;
    return client;
  });
}

const lowered = (name) => name[0].toLowerCase() + name.slice(1);
const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
const dashed = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

// The SDK's requests name their body after its kind; its own code tells how.
function bodyName(method) {
  const found = /serialize\(\s*\w+\.(\w+)/.exec(method.toString());
  if (!found) throw new Error("the operation takes no body");
  return found[1];
}

function answered(response) {
  const headers = {};
  let data = null;
  for (const [name, value] of Object.entries(response)) {
    if (/^(etag|opc[A-Z])/.test(name)) headers[dashed(name)] = String(value);
    else data = value;
  }
  return { status: 200, headers, data };
}

async function carryOut(made, call) {
  const name = lowered(call.operation);
  const client = made.find((one) => typeof one[name] === "function");
  if (!client) return { lacking: true };
  const request = { retryConfiguration: call.retry ? RETRY : NO_RETRY };
  for (const [key, value] of Object.entries(call.with)) request[camel(key)] = value;
  if (call.until) {
    const waiters = client.createWaiters(made[2], WAIT);
    return answered(await waiters[call.operation.replace("Get", "for")](request, call.until));
  }
  if (call.body !== null) request[bodyName(client[name])] = call.body;
  try {
    return answered(await client[name](request));
  } catch (error) {
    if (!error.statusCode || error.statusCode < 0) return { broken: String(error) };
    return { status: error.statusCode, code: error.serviceCode, message: error.message };
  }
}

async function main() {
  let made = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const document = JSON.parse(line);
    let answer = {};
    try {
      if (made === null) made = await clients(document);
      else answer = await carryOut(made, document);
    } catch (error) {
      answer = { broken: String(error.stack || error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}

main();
