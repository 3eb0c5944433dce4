/**
 * The table of docs/node-states.md keeps step with the code: what muster reads in a state, and what it does about it. What
 * ParallelCluster calls the same state is computed by its own predicates, written down here from its clustermgtd (3.11).
 */
import { describe, expect, test } from 'vitest';
import { stateOf } from '../../src/adapters/slurm/sinfo.ts';
import { isOut, judgeNode, rules, type NodeFacts } from '../../src/core/judge.ts';
import type { NodeState } from '../../src/core/node-state.ts';
import { textOf } from './tree.ts';

interface Row {
  readonly state: string;
  readonly parallelCluster: string;
  readonly reads: string;
  readonly withInstance: string;
  readonly without: string;
}

const rows = textOf('docs/node-states.md')
  .split('\n')
  .filter((line) => /^\| `[a-z]+\+cloud/.test(line))
  .map((line): Row => {
    const [, state = '', parallelCluster = '', reads = '', withInstance = '', without = ''] = line
      .split('|')
      .map((cell) => cell.trim());
    return { state: state.replaceAll('`', ''), parallelCluster, reads, withInstance, without };
  });

/**
 * Of a dynamic node whose address is set and whose instance EC2 lists, in the order in which a pass looks: powering down first,
 * then boots, then health.
 */
function calledByParallelCluster(state: string): string {
  const words = new Set(state.split('+'));
  const has = (word: string): boolean => words.has(word);
  const isExactly = (...all: string[]): boolean =>
    words.size === all.length && all.every((word) => words.has(word));
  if (has('powering_down') || isExactly('idle', 'cloud', 'powered_down')) return 'powered down';
  if (has('reboot_requested') || has('reboot_issued')) return 'healthy';
  if (isExactly('down', 'cloud', 'powered_down', 'not_responding')) return 'boot failed';
  if (has('invalid_reg')) return 'boot failed';
  const isDrained =
    has('drain') && (has('idle') || has('down')) && !has('completing') && !has('power_down');
  const isDown = has('down') && (!has('power_down') || has('powered_down'));
  return isDrained || isDown ? 'unhealthy' : 'healthy';
}

function wordsOf(state: NodeState): string {
  const flags = [
    state.isDown && 'down',
    state.isDrained && 'drained',
    state.isFailing && 'failing',
    !state.isResponding && 'silent',
    state.isRebooting && 'rebooting',
    state.isReserved && 'reserved',
    state.isBusy && 'busy',
  ];
  return [state.power, ...flags].filter((word) => word !== false).join(', ');
}

/** `leave`, or the verdict and its grace; two where it matters whether a person gave the reason. */
function doneAbout(slurm: NodeState, hasInstance: boolean): string {
  const facts: NodeFacts = {
    slurm,
    reasonBy: 'slurm',
    isShut: false,
    affair: 'none',
    lease: hasInstance ? 'registered' : 'none',
    instance: hasInstance ? 'runs' : 'unknown',
  };
  const say = (reasonBy: NodeFacts['reasonBy']): string => {
    const { verdict, graceMs } = judgeNode({ ...facts, reasonBy });
    return verdict === 'leave' ? verdict : `${verdict}, ${graceMs / 1000} s`;
  };
  const [bySlurm, byPerson] = [say('slurm'), say('person')];
  if (bySlurm === byPerson || !isOut(slurm)) return bySlurm;
  return `${bySlurm}; ${byPerson} where a person has it out`;
}

describe('the table of node states', () => {
  test('has each state once', () => {
    expect(rows.length).toBeGreaterThan(25);
    expect(new Set(rows.map(({ state }) => state)).size).toBe(rows.length);
  });

  test.each(rows.map((row) => [row.state, row] as const))('%s', (_, row) => {
    const slurm = stateOf(row.state);
    expect(row).toEqual({
      state: row.state,
      parallelCluster: calledByParallelCluster(row.state),
      reads: wordsOf(slurm),
      withInstance: doneAbout(slurm, true),
      without: doneAbout(slurm, false),
    });
  });

  test('meets every rule that goes by the state alone', () => {
    // What is the matter with the instance, or with muster's own work on the node, no state tells.
    const others = new Set([
      'suspend-lost-at-boot',
      'sick-at-birth',
      'in-hand',
      'unseen',
      'instance-ended',
      'instance-absent',
      'sick-at-work',
      'event-at-work',
      'sick',
      'event',
      'shut',
      // Only with an instance that has not registered.
      'boot-forgotten',
    ]);
    const met = new Set(
      rows.flatMap(({ state }) =>
        (['slurm', 'person'] as const).flatMap((reasonBy) =>
          (['none', 'registered'] as const).map((lease) => {
            const slurm = stateOf(state);
            const instance = lease === 'none' ? 'unknown' : 'runs';
            return judgeNode({ slurm, reasonBy, isShut: false, affair: 'none', lease, instance })
              .name;
          }),
        ),
      ),
    );
    const wanted = rules.map(({ name }) => name).filter((name) => !others.has(name));
    expect(wanted.filter((name) => !met.has(name))).toEqual([]);
  });
});
