import { describe, expect, test } from 'vitest';
import type { Gang, Lease } from '../core/gang.ts';
import { defaultSettings } from '../core/settings.ts';
import { emptyState, type State } from '../core/state.ts';
import {
  isVain,
  questionOf,
  renderOutcome,
  renderOutcomeJson,
  renderToll,
  renderVerdict,
  tollOf,
  verdictIn,
  type Verdict,
} from './operate.ts';

function stateWith(change: (state: State) => void): State {
  const state = { ...emptyState(), settings: defaultSettings };
  change(state);
  return state;
}

/** Two nodes with instances, one that a gang waits for. */
const busy = stateWith(({ leases, gangs, spares }) => {
  for (const node of ['q-dy-c-1', 'q-dy-c-2']) leases.set(node, { node } as Lease);
  gangs.set('g', { id: 'g', nodes: ['q-dy-c-2', 'q-dy-c-3'] } as unknown as Gang);
  spares.set('i-1', { gangId: 'g' } as never);
});

const jobs = [
  { jobId: 12, nodes: ['q-dy-c-1'] },
  { jobId: 13, nodes: ['login'] },
];

const slurm = {
  jobs,
  partitions: [
    { name: 'q', isUp: true, nodes: ['q-dy-c-1', 'q-dy-c-2'] },
    { name: 'down', isUp: false, nodes: ['q-dy-c-1'] },
    { name: 'login', isUp: true, nodes: ['login'] },
  ],
};
const silent = { jobs: [], partitions: [] };

describe('what would end', () => {
  test('with the fleet: every instance, every gang, every job on a node of it; its partitions', () => {
    expect(tollOf(busy, null, slurm)).toEqual({
      instances: 3,
      gangs: 1,
      jobs: [12],
      partitions: ['q'],
    });
  });

  test('with the fleet of a cluster file: the partitions of its queues, with or without nodes', () => {
    const queues = [{ name: 'other', greedy: true, computeResources: [] }] as never;
    const known = { ...busy, settings: { ...defaultSettings, queues } };
    const partitions = [...slurm.partitions, { name: 'other', isUp: true, nodes: [] }];
    expect(tollOf(known, null, { jobs: [], partitions }).partitions).toEqual(['other']);
  });

  test('with nodes: what those have, and gangs that need them; no partition', () => {
    expect(tollOf(busy, ['q-dy-c-1'], slurm)).toEqual({ instances: 1, gangs: 0, jobs: [12] });
    expect(tollOf(busy, ['q-dy-c-3'], silent)).toEqual({ instances: 0, gangs: 1, jobs: [] });
  });

  test('is not known where Slurm does not answer', () => {
    expect(tollOf(busy, null, null)).toMatchObject({ jobs: null, partitions: null });
    expect(tollOf(busy, ['q-dy-c-1'], null)).toEqual({ instances: 1, gangs: 0, jobs: null });
  });

  test.each([
    [{ instances: 1, gangs: 0, jobs: [] }, '1 instance is terminated; no job runs there.\n'],
    [
      { instances: 106, gangs: 2, jobs: [12] },
      '106 instances are terminated; 2 gangs under way let go; job 12 goes back to the queue, or ends if it may not be requeued.\n',
    ],
    [
      { instances: 0, gangs: 1, jobs: null },
      'No instance is terminated; 1 gang under way let go; Slurm does not answer: jobs that run there are not known.\n',
    ],
    [
      { instances: 0, gangs: 0, jobs: [], partitions: ['p', 'q'] },
      'No instance is terminated; no job runs there; 2 partitions go inactive: p, q.\n',
    ],
    [
      { instances: 0, gangs: 0, jobs: [], partitions: ['p'] },
      'No instance is terminated; no job runs there; partition p goes inactive.\n',
    ],
    [
      { instances: 0, gangs: 0, jobs: [], partitions: [] },
      'No instance is terminated; no job runs there; no partition of the fleet is up.\n',
    ],
    [
      { instances: 0, gangs: 0, jobs: null, partitions: null },
      'No instance is terminated; Slurm does not answer: jobs that run there are not known; every partition of the fleet goes inactive.\n',
    ],
  ])('%o', (toll, words) => {
    expect(renderToll(toll)).toBe(words);
  });

  test('names ten jobs and counts the others', () => {
    const many = Array.from({ length: 12 }, (_, index) => index + 1);
    expect(renderToll({ instances: 12, gangs: 0, jobs: many })).toContain(
      ': 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more.',
    );
  });

  test('the question names the nodes', () => {
    expect(questionOf('release-node', ['q-dy-c-1', 'q-dy-c-2'])).toBe('Release q-dy-c-[1-2]');
    expect(questionOf('replace-node', ['a'])).toBe('Replace a');
    expect(questionOf('fleet-stop', [])).toBe('Stop the fleet');
    expect(questionOf('fleet-start', [])).toBe('Start the fleet');
  });
});

const byHand: Verdict = {
  kind: 'NodesTakenByHand',
  requestId: 'r',
  released: ['q-dy-c-1', 'q-dy-c-2'],
  replaced: ['q-dy-c-5'],
  passedOver: [{ nodes: ['x'], why: 'no such node' }],
};
const vain: Verdict = { ...byHand, released: [], replaced: [] };

describe('what came of it', () => {
  test('is the decision about the request, and none about another', () => {
    expect(verdictIn([{ ...byHand, requestId: 'other' }, byHand], 'r')).toBe(byHand);
    expect(verdictIn([{ kind: 'PartitionsTaken', partitions: [] }], 'r')).toBe(null);
  });

  test.each([
    ['FleetStopped', true, /^The fleet is stopped: nothing is launched/],
    ['FleetStopped', false, /^The fleet was stopped already/],
  ] as const)('%s, was running: %s', (kind, wasRunning, words) => {
    expect(renderVerdict({ kind, requestId: 'r', wasRunning })).toMatch(words);
  });

  test.each([
    [false, ['p', 'q'], 'The fleet is started; its partitions go up: p, q.\n'],
    [true, [], 'The fleet was running already; no partition was set inactive by it.\n'],
  ])('a start, was running: %s', (wasRunning, partitions, words) => {
    expect(renderVerdict({ kind: 'FleetStarted', requestId: 'r', wasRunning, partitions })).toBe(
      words,
    );
  });

  test('of nodes says which were taken, and which were not and why', () => {
    expect(renderVerdict(byHand)).toBe(`Released: q-dy-c-[1-2]
Another instance is launched in place of the one of: q-dy-c-5
Left as it is: x, no such node
`);
    expect(isVain(byHand)).toBe(false);
    expect(isVain(vain)).toBe(true);
  });

  const none = { instances: 0, nodes: 0, partitions: 0 };
  const of = { waitedMs: 5_000, spool: '/s/new/r', pending: none, hindrances: [] };

  test('ends with a word on what is left', () => {
    expect(renderOutcome({ ...of, verdict: byHand })).toBe('Done.\n');
    expect(renderOutcome({ ...of, verdict: vain })).toBe('');
    const pending = { ...none, nodes: 2 };
    expect(renderOutcome({ ...of, verdict: byHand, pending })).toMatch(
      /^Left: 2 nodes .*\nIt goes on;/,
    );
    const hindrances = [{ by: 'Slurm', tries: 4, message: 'no contact' }] as const;
    expect(renderOutcome({ ...of, verdict: byHand, pending, hindrances })).toMatch(
      /^Left: 2 nodes .*\nSlurm has not done it after 4 tries: no contact; .*\nIt goes on;/,
    );
    expect(renderOutcome({ ...of, verdict: null })).toMatch(
      /^No daemon took the request within 5s: it waits in \/s\/new\/r, .* take it back\.\n$/,
    );
  });

  test('is an object for programs', () => {
    const json = (verdict: Verdict | null): unknown =>
      JSON.parse(renderOutcomeJson('release-node', { ...of, verdict }));
    expect(json(vain)).toEqual({
      request: 'release-node',
      taken: true,
      done: true,
      verdict: { released: [], replaced: [], passedOver: [{ nodes: ['x'], why: 'no such node' }] },
      pending: none,
      hindrances: [],
      spool: '/s/new/r',
    });
    expect(json(null)).toMatchObject({ taken: false, done: false, verdict: null });
  });
});
