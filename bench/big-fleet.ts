/** A fleet as muster knows it when all of it is up: leases, and what EC2 and Slurm say of them. */
import type { Lease } from '../src/core/gang.ts';
import { nodeUp } from '../src/core/testing/node-state.ts';
import { defaultSettings } from '../src/core/settings.ts';
import { emptyState, type State } from '../src/core/state.ts';
import type { InstanceStatus } from '../src/ports/cloud.ts';
import type { SchedulerNode } from '../src/ports/scheduler.ts';

export const clusterName = 'bench';
const stem = 'queue1-dy-queue1-c6i32xlarge-';

export function nodeName(index: number): string {
  return `${stem}${index + 1}`;
}

/** The leases of these instances, all up since long ago. */
export function fleetOf(instanceIds: readonly string[], now: number): State {
  const state = emptyState();
  const since = now - 24 * 3_600_000;
  state.settings = {
    ...defaultSettings,
    clusterName,
    queues: [
      {
        name: 'queue1',
        capacityType: 'on-demand',
        subnetIds: ['subnet-12345678'],
        computeResources: [
          {
            name: 'queue1-c6i32xlarge',
            minCount: 0,
            maxCount: instanceIds.length,
            instanceTypes: ['c6i.32xlarge'],
            launch: { kind: 'launch-template', name: 'bench-queue1', version: '1' },
          },
        ],
      },
    ],
  };
  state.since = since;
  state.now = now;
  for (const [index, instanceId] of instanceIds.entries()) {
    const lease: Lease = {
      node: nodeName(index),
      instance: {
        instanceId,
        privateIp: `10.0.${index >> 8}.${index & 255}`,
        hostname: `ip-10-0-${index >> 8}-${index & 255}`,
      },
      gangId: `gang-${index % 100}/0`,
      pool: 'c6i.32xlarge subnet-12345678 on-demand',
      zone: 'us-east-2b',
      requestedAt: since,
      leasedAt: since,
      given: true,
      isRegistered: true,
    };
    state.leases.set(lease.node, lease);
  }
  return state;
}

/** The first `count` instances have ended. */
export function withEnded(
  statuses: readonly InstanceStatus[],
  count: number,
): readonly InstanceStatus[] {
  return statuses.map((each, index) => (index < count ? { ...each, state: 'terminated' } : each));
}

/** All at work but the first `count`, which are down. */
export function withDown(size: number, count: number): readonly SchedulerNode[] {
  return Array.from({ length: size }, (_, index) => ({
    ...nodeUp,
    node: nodeName(index),
    reason: index < count ? 'Not responding' : '',
    isDown: index < count,
    isBusy: index >= count,
  }));
}

/** The same as sinfo prints it: `NodeList|StateComplete|Reason|`, a bar for the end of a field. */
export function sinfoText(size: number, count: number): string {
  const rows = [`${stem}[${count + 1}-${size}]|allocated+cloud|none|`];
  if (count > 0) rows.push(`${stem}[1-${count}]|down+cloud+not_responding|Not responding|`);
  return `${rows.join('\n')}\n`;
}
