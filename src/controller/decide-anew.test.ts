/** What is still to be decided after the ledger could not be written for a while. */
import { expect, test } from 'vitest';
import { apply } from '../core/apply.ts';
import { decide } from '../core/decide.ts';
import type { Event } from '../core/events.ts';
import { defaultSettings } from '../core/settings.ts';
import { emptyState } from '../core/state.ts';
import type { RecordedTurn } from '../ports/ledger.ts';
import { stillNews, takeBack } from './decide-anew.ts';

const slurmSeen: Event = {
  ...{ kind: 'SlurmSeen', at: 5_000, registered: ['q-dy-c-1'], late: [], doomed: [] },
  ...{ gone: [], silent: null },
};
const ec2Seen: Event = {
  ...{ kind: 'Ec2Seen', at: 5_000, ended: ['i-1'], strays: [], strayReservations: [] },
};
const struck = [{ jobId: 1, lost: ['q-dy-c-1'], left: ['q-dy-c-2'], isHeterogeneous: false }];
const fleetSeen: Event = {
  ...{ kind: 'FleetSeen', at: 5_000, askedAt: 4_900, judged: [], struck, settled: [] },
  needs: [{ set: 'q/c', nodes: ['q-st-c-1'] } as never],
  past: { started: [1], gone: [] },
};
const answer: Event = { kind: 'NodesAssigned', at: 1_000, effectId: 'r/0/assign0' };

test('what was seen too long ago is looked at again; answers are for ever', () => {
  expect(stillNews([answer, slurmSeen, ec2Seen], 5_001)).toEqual([answer]);
  expect(stillNews([answer, slurmSeen, ec2Seen], 5_000)).toEqual([answer, slurmSeen, ec2Seen]);
});

test('a wake comes again by itself', () => {
  expect(stillNews([{ kind: 'Woke', at: 9_000 }], 0)).toEqual([]);
});

test('of jobs that have lost a node a look tells once', () => {
  expect(stillNews([fleetSeen], 5_001)).toEqual([
    { kind: 'FleetSeen', at: 5_000, askedAt: 4_900, judged: [], struck, settled: [], needs: [] },
  ]);
  expect(stillNews([{ ...fleetSeen, struck: [] }], 5_001)).toEqual([]);
  expect(stillNews([fleetSeen], 5_000)).toEqual([fleetSeen]);
});

test('the state is what the ledger has, in one step', async () => {
  const state = emptyState();
  const records: RecordedTurn[] = [];
  const told = (clusterName: string): void => {
    const settings = { ...defaultSettings, clusterName };
    const turn = decide(state, { kind: 'ConfigLoaded', at: 1_000, settings });
    apply(state, turn);
    records.push({ sequence: records.length + 1, turn });
  };
  told('durable');
  told('not durable');
  records.pop();
  await takeBack(state, {
    append: () => Promise.reject(new Error('disk full')),
    async *read() {
      yield* records;
    },
  });
  expect(state.settings.clusterName).toBe('durable');
});
