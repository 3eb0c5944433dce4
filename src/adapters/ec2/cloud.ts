/**
 * The cloud port by way of the AWS SDK.
 *
 * Two clients with the same settings: launches get one attempt, because EC2 sends a capacity refusal as a server error
 * and the SDK would ask again for what was refused; terminations and describes may be repeated by the SDK. Region,
 * credentials and endpoint come from the SDK's own variables and files (AWS_ENDPOINT_URL included).
 */
import {
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type EC2ClientConfig,
} from '@aws-sdk/client-ec2';
import type { DurationMs, Instant } from '../../core/units.ts';
import { CloudError, type Cloud, type ListedInstance } from '../../ports/cloud.ts';
import { cloudErrorFrom } from './errors.ts';
import { instanceFrom, listedInstanceFrom, runInstancesInput } from './requests.ts';

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
/** Repetitions by the SDK included. */
const otherTimeoutMs = 60_000;
const pageSize = 1000;
/** EC2 names every unknown id of a call at once; a second round is for ids it forgot in between. */
const terminateRoundsMax = 3;
/** Until then EC2 may not know an instance that it has just launched. */
const youngMs = 5 * 60_000;

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

async function calling<T>(
  name: string,
  timeoutMs: DurationMs,
  call: (options: { abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const abortSignal = AbortSignal.timeout(timeoutMs);
  try {
    return await call({ abortSignal });
  } catch (error: unknown) {
    throw cloudErrorFrom(error, name, abortSignal);
  }
}

/** The ids that an `InvalidInstanceID.NotFound` names; empty for any other error. */
function unknownIdsIn(error: unknown): ReadonlySet<string> {
  if (!(error instanceof CloudError) || error.code !== 'InvalidInstanceID.NotFound') {
    return new Set();
  }
  return new Set(error.message.match(/\bi-[0-9a-f]+/g) ?? []);
}

/** Remembers what was launched a moment ago: when EC2 says it does not know such an instance, it exists all the same. */
function createYoungInstances() {
  const launchedAt = new Map<string, Instant>();
  return {
    add(ids: readonly string[]): void {
      const now = Date.now();
      for (const [id, at] of launchedAt) {
        if (at > now - youngMs) break;
        launchedAt.delete(id);
      }
      for (const id of ids) launchedAt.set(id, now);
    },
    has: (id: string): boolean => (launchedAt.get(id) ?? 0) > Date.now() - youngMs,
  };
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

async function describeByClientToken(
  client: EC2Client,
  clientToken: string,
): Promise<readonly ListedInstance[]> {
  return calling('DescribeInstances', otherTimeoutMs, async ({ abortSignal }) => {
    const listed: ListedInstance[] = [];
    let nextToken: string | undefined;
    do {
      const page = await client.send(
        new DescribeInstancesCommand({
          Filters: [{ Name: 'client-token', Values: [clientToken] }],
          MaxResults: pageSize,
          ...(nextToken !== undefined && { NextToken: nextToken }),
        }),
        { abortSignal },
      );
      for (const reservation of page.Reservations ?? []) {
        listed.push(...(reservation.Instances ?? []).map(listedInstanceFrom));
      }
      nextToken = page.NextToken;
    } while (nextToken !== undefined && nextToken !== '');
    return listed;
  });
}

/** EC2 of one region. Loading this module loads the SDK: a hook must not. */
export function createEc2Cloud(options: Ec2CloudOptions): Cloud {
  const launcher = new EC2Client(clientConfig(options.region, 1));
  const client = new EC2Client(clientConfig(options.region, 3));
  const launchTimeoutMs = options.launchTimeoutMs ?? defaultLaunchTimeoutMs;
  const young = createYoungInstances();
  return {
    async runInstances(order) {
      const answer = await calling('RunInstances', launchTimeoutMs, (sendOptions) =>
        launcher.send(new RunInstancesCommand(runInstancesInput(order)), sendOptions),
      );
      const instances = (answer.Instances ?? []).map(instanceFrom);
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
    describeByClientToken: (clientToken) => describeByClientToken(client, clientToken),
  };
}
