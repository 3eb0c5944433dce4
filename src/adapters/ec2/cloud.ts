/**
 * The cloud port by way of the AWS SDK.
 *
 * Two clients with the same settings: launches get one attempt, because EC2 sends a capacity refusal as a server error
 * and the SDK would ask again for what was refused; terminations and describes may be repeated by the SDK. Region,
 * credentials and endpoint come from the SDK's own variables and files (AWS_ENDPOINT_URL included).
 */
import {
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type EC2ClientConfig,
} from '@aws-sdk/client-ec2';
import type { DurationMs } from '../../core/units.ts';
import { CloudError, type CapacityCloud, type Cloud } from '../../ports/cloud.ts';
import { calling, createYoung, describeAll, otherTimeoutMs } from './calls.ts';
import { createCapacityCloud } from './capacity.ts';
import { createHealthCalls } from './health.ts';
import { instanceFrom, isAlive, runInstancesInput } from './requests.ts';

/** Without `info`, which gets a copy of each call's input and output, 500 instances at a time, before it drops them. */
const silentLogger = {
  debug: () => undefined,
  warn: () => undefined,
  error: () => undefined,
} as unknown as NonNullable<EC2ClientConfig['logger']>;

export interface Ec2CloudOptions {
  readonly region: string;
  /** How long a launch may take until its answer counts as lost; default 30 s. */
  readonly launchTimeoutMs?: DurationMs;
}

const defaultLaunchTimeoutMs = 30_000;
/** EC2 names every unknown id of a call at once; a second round is for ids it forgot in between. */
const terminateRoundsMax = 3;

function clientConfig(region: string, attempts: number): EC2ClientConfig {
  return {
    region,
    maxAttempts: attempts,
    retryMode: 'standard',
    logger: silentLogger,
    requestHandler: {
      connectionTimeout: 5000,
      httpAgent: { keepAlive: true, maxSockets: 128 },
      httpsAgent: { keepAlive: true, maxSockets: 128 },
    },
  };
}

/** The ids that an `InvalidInstanceID.NotFound` names; empty for any other error. */
function unknownIdsIn(error: unknown): ReadonlySet<string> {
  if (!(error instanceof CloudError) || error.code !== 'InvalidInstanceID.NotFound') {
    return new Set();
  }
  return new Set(error.message.match(/\bi-[0-9a-f]+/g) ?? []);
}

/**
 * Terminates, leaving out what EC2 does not know, and answers the ids left out.
 * EC2 fails the whole call for one unknown id, so a call that named some is made again without them.
 */
async function terminateKnown(
  client: EC2Client,
  instanceIds: readonly string[],
): Promise<readonly string[]> {
  const leftOut: string[] = [];
  let ids = [...instanceIds];
  for (let round = 1; ids.length > 0; round += 1) {
    try {
      await calling('TerminateInstances', otherTimeoutMs, (options) =>
        client.send(new TerminateInstancesCommand({ InstanceIds: ids }), options),
      );
      return leftOut;
    } catch (error: unknown) {
      const unknown = unknownIdsIn(error);
      const named = ids.filter((id) => unknown.has(id));
      if (named.length === 0 || round === terminateRoundsMax) throw error;
      leftOut.push(...named);
      ids = ids.filter((id) => !unknown.has(id));
    }
  }
  return leftOut;
}

/** EC2 of one region. Loading this module loads the SDK: a hook must not. */
export function createEc2Cloud(options: Ec2CloudOptions): Cloud & CapacityCloud {
  const launcher = new EC2Client(clientConfig(options.region, 1));
  const client = new EC2Client(clientConfig(options.region, 3));
  const launchTimeoutMs = options.launchTimeoutMs ?? defaultLaunchTimeoutMs;
  const young = createYoung();
  return {
    ...createCapacityCloud({ launcher, client, launchTimeoutMs }),
    async runInstances(order) {
      const answer = await calling('RunInstances', launchTimeoutMs, (sendOptions) =>
        launcher.send(new RunInstancesCommand(runInstancesInput(order)), sendOptions),
      );
      // A repeated token is answered as the first time, with only the states changed: what has ended is no instance.
      const instances = (answer.Instances ?? []).filter(isAlive).map(instanceFrom);
      young.add(instances.map((instance) => instance.instanceId));
      return { requestId: answer.$metadata.requestId ?? '', instances };
    },
    async terminateInstances(instanceIds) {
      const leftOut = (await terminateKnown(client, instanceIds)).filter((id) => young.has(id));
      if (leftOut.length > 0) {
        throw new CloudError(
          'InvalidInstanceID.NotFound',
          `EC2 does not know yet: ${leftOut.join(', ')}. Launched a moment ago, they run all the same and are not ` +
            'terminated; the others of the call are. The same call will do it later.',
        );
      }
    },
    ...createHealthCalls(client),
    describeByClientToken: (clientToken) =>
      describeAll(client, [{ Name: 'client-token', Values: [clientToken] }]),
  };
}
