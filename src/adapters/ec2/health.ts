/**
 * How instances are: the cheapest listing of them, those of some ids, and what one has written to its console.
 */
import {
  DescribeInstanceStatusCommand,
  GetConsoleOutputCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { CloudError, type Cloud, type ListedInstance } from '../../ports/cloud.ts';
import { calling, describeAll, filterValue, otherTimeoutMs, readPages } from './calls.ts';
import { instanceStatusFrom } from './requests.ts';

/** EC2's limit on the values of a call's filters (`FilterLimitExceeded`). */
const filterValuesMax = 200;

/** By filter: for one id that it does not know EC2 would fail the whole call. */
async function describeInstances(
  client: EC2Client,
  instanceIds: readonly string[],
): Promise<readonly ListedInstance[]> {
  const listed: ListedInstance[] = [];
  for (let from = 0; from < instanceIds.length; from += filterValuesMax) {
    const values = instanceIds.slice(from, from + filterValuesMax).map(filterValue);
    listed.push(...(await describeAll(client, [{ Name: 'instance-id', Values: values }])));
  }
  return listed;
}

async function readConsole(client: EC2Client, id: string, latest: boolean): Promise<string> {
  const command = new GetConsoleOutputCommand({ InstanceId: id, Latest: latest });
  const { Output = '' } = await calling('GetConsoleOutput', otherTimeoutMs, (options) =>
    client.send(command, options),
  );
  return Buffer.from(Output, 'base64').toString('utf8');
}

/**
 * What the console shows now; where EC2 cannot tell that (types before Nitro) or has nothing, what it kept after the
 * last start or end.
 */
async function consoleOutput(client: EC2Client, instanceId: string): Promise<string> {
  try {
    const latest = await readConsole(client, instanceId, true);
    if (latest !== '') return latest;
  } catch (error: unknown) {
    if (!(error instanceof CloudError) || error.code !== 'UnsupportedOperation') throw error;
  }
  return readConsole(client, instanceId, false);
}

export function createHealthCalls(
  client: EC2Client,
): Pick<Cloud, 'listStatus' | 'describeInstances' | 'consoleOutput'> {
  return {
    listStatus: () =>
      readPages(
        'DescribeInstanceStatus',
        (page, options) =>
          client.send(
            new DescribeInstanceStatusCommand({ IncludeAllInstances: true, ...page }),
            options,
          ),
        ({ InstanceStatuses = [] }) => InstanceStatuses.map(instanceStatusFrom),
      ),
    describeInstances: (instanceIds) => describeInstances(client, instanceIds),
    consoleOutput: (instanceId) => consoleOutput(client, instanceId),
  };
}
