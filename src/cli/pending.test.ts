import { describe, expect, test } from 'vitest';
import { emptyState, type OutstandingEffect, type State } from '../core/state.ts';
import {
  hindrancesOf,
  isDone,
  leftOf,
  leftOfFleet,
  noteFailures,
  pendingOf,
  renderHindrance,
  renderPending,
} from './pending.ts';

type Put = { readonly id: string; readonly kind: string; readonly [more: string]: unknown };

function stateWith(effects: readonly Put[], status: 'running' | 'stopped' = 'stopped'): State {
  const state = emptyState();
  state.fleet = { status, since: 0, partitions: ['p'] };
  for (const { tries = 0, ...effect } of effects)
    state.outstanding.set(effect.id, { effect, tries } as unknown as OutstandingEffect);
  return state;
}

const effects: readonly Put[] = [
  { kind: 'TerminateInstances', id: 'r/end-i-1', instanceIds: ['i-1', 'i-2'] },
  { kind: 'GiveBackNodes', id: 'g/back', nodes: ['q-dy-c-1'] },
  { kind: 'SetPartitions', id: 'r/inactive', by: 'fleet', partitions: ['p', 'q'] },
  { kind: 'ListPartitions', id: 'r/partitions' },
  { kind: 'SweepLaunch', id: 'r/sweep' },
];

describe('what is left to do', () => {
  const state = stateWith(effects);

  test('of a stop is all that ends, of other requests what bears their id', () => {
    expect(pendingOf(leftOf(state, null))).toEqual({ instances: 2, nodes: 1, partitions: 3 });
    expect(pendingOf(leftOf(state, 'g'))).toEqual({ instances: 0, nodes: 1, partitions: 0 });
    expect(isDone(pendingOf(leftOf(state, 'x')))).toBe(true);
  });

  test('of the fleet: all that ends where it is stopped, its own partitions where it runs', () => {
    expect(leftOfFleet(state)).toHaveLength(effects.length);
    const protection = { kind: 'SetPartitions', id: 'b/q', by: 'protection', partitions: ['q'] };
    const running = stateWith([...effects, protection], 'running');
    expect(leftOfFleet(running).map(({ effect }) => effect.id)).toEqual(['r/inactive']);
  });

  test('is told in words', () => {
    expect(renderPending({ instances: 2, nodes: 1, partitions: 3 })).toBe(
      'Left: 2 instances to terminate, 1 node to power down, partitions to set\n',
    );
  });
});

describe('who has not done it', () => {
  const away = 'sinfo could not list partitions: Unable to contact slurm controller';
  const failing = stateWith([
    { kind: 'TerminateInstances', id: 'r/end', instanceIds: ['i-1'], tries: 1 },
    { kind: 'GiveBackNodes', id: 'r/back', nodes: ['q-dy-c-1'], tries: 2 },
    { kind: 'ListPartitions', id: 'r/partitions', tries: 3 },
    { kind: 'TellJobs', id: 'r/told', tries: 9 },
  ]);
  const said = new Map<string, string>();
  noteFailures(said, [
    {
      kind: 'EffectDeferred',
      effectId: 'r/partitions',
      until: 1,
      why: away,
      unknownOutcome: false,
    },
    {
      kind: 'EffectDeferred',
      effectId: 'r/end',
      until: 1,
      why: 'Restarted',
      unknownOutcome: false,
    },
  ]);

  test('is said once for Slurm and once for EC2, with what they said', () => {
    expect(hindrancesOf(leftOf(failing, null), said)).toEqual([
      { by: 'EC2', tries: 1, message: null },
      { by: 'Slurm', tries: 3, message: away },
    ]);
  });

  test('is nobody while the first try is under way', () => {
    expect(hindrancesOf(leftOf(stateWith(effects), null), said)).toEqual([]);
  });

  test('is told in words', () => {
    expect(renderHindrance({ by: 'Slurm', tries: 3, message: away })).toBe(
      `Slurm has not done it after 3 tries: ${away}; it is asked again.\n`,
    );
    expect(renderHindrance({ by: 'EC2', tries: 1, message: null })).toBe(
      'EC2 has not done it after 1 try; it is asked again.\n',
    );
  });
});
