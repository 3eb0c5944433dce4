import { expect, test } from 'vitest';
import type { Boot } from './boot.ts';
import { goneJobs } from './observe.ts';
import { emptyState } from './state.ts';
import type { PlanMode } from './settings.ts';

const boot: Boot = {
  gangId: 'r/0',
  requestId: 'r',
  jobIds: [7],
  set: null,
  jobNodes: null,
  isWhole: false,
  nodes: ['q-dy-c-1'],
  awaiting: new Map([['q-dy-c-1', 60_000]]),
  registeredAt: null,
  requestedAt: 1_000,
  registerBy: 60_000,
  replacing: new Map(),
  replacements: 0,
  doom: null,
};

const modes = new Map<PlanMode, readonly number[]>([
  ['job', [7]],
  // ParallelCluster's launch-batches boot and idle, whatever has become of the jobs.
  ['node-list', []],
]);

test.each([...modes])('in %s mode the jobs that are gone are %j', (mode, want) => {
  const state = emptyState();
  state.settings = { ...state.settings, mode };
  state.boots.set(boot.gangId, boot);
  expect(goneJobs(state, { askedAt: 5_000, jobs: [], up: [] })).toEqual(want);
});
