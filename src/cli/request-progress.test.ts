import { expect, test } from 'vitest';
import type { Gang } from '../core/gang.ts';
import { emptyState } from '../core/state.ts';
import { requestProgress } from './request-progress.ts';

const gang = (id: string, more: Partial<Gang>): [string, Gang] => [
  id,
  {
    ...{ id, requestIds: ['r'], nodes: ['q-dy-c-1'] },
    ...{ batches: new Map(), reserving: new Map(), assigning: new Set() },
    ...more,
  } as Gang,
];

const asking = gang('b', { phase: 'asking' });
const assigning = gang('c', { phase: 'assigning', nodes: ['q-dy-c-1', 'q-dy-c-2'] });

test.each([
  ['a request that nobody has taken', [], false, /^the request waits in the spool to be taken$/],
  [
    'one without a gang, or with those of others alone',
    [gang('a', { requestIds: ['x'] })],
    true,
    /its verdict$/,
  ],
  [
    'what Slurm is asked and told',
    [asking, assigning],
    true,
    /^1 node waits for Slurm, which is asked about its jobs; 2 nodes wait for Slurm, which is told the addresses$/,
  ],
  [
    'of many gangs three, and how many more',
    ['a', 'b', 'c', 'd', 'e'].map((id) => gang(id, { phase: 'asking' })),
    true,
    /^(1 node waits for Slurm, which is asked about its jobs; ){3}2 more gangs$/,
  ],
] as const)('tells of %s', (_name, gangs, isTaken, words) => {
  const state = emptyState();
  for (const [id, one] of gangs) state.gangs.set(id, one);
  if (isTaken) state.taken.set('r', 1);
  expect(requestProgress(state, 'r', 0)).toMatch(words);
});

test('tells how often Slurm was asked or told in vain', () => {
  const state = emptyState();
  state.taken.set('r', 1);
  for (const [id, one] of [asking, assigning]) state.gangs.set(id, one);
  const failed = (effect: object, tries: number): void => {
    state.outstanding.set(String(tries), { effect, tries } as never);
  };
  failed({ kind: 'AskJobs', requestId: 'r' }, 1);
  failed({ kind: 'AssignNodes', gangId: 'c' }, 2);
  failed({ kind: 'AssignNodes', gangId: 'other' }, 9);
  expect(requestProgress(state, 'r', 0)).toMatch(
    /jobs \(1 try in vain\); .* addresses \(2 tries in vain\)$/,
  );
});
