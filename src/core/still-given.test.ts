import { describe, expect, test } from 'vitest';
import { stillGiven } from './still-given.ts';
import { createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

/** The instances of q-dy-c-[1-3] are held, and Slurm is being told. */
function assigning(scalingStrategy: 'all-or-nothing' | 'best-effort'): DrivenWorld {
  const one = createTestWorld({ scalingStrategy }, createInvariants());
  one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
  one.launch(one.only('RunInstances'));
  return one;
}

describe('while Slurm is told of a gang', () => {
  test('all of its nodes may still be given', () => {
    const one = assigning('all-or-nothing');
    const effect = one.only('AssignNodes');
    expect(stillGiven(one.state, effect)).toEqual(effect.nodes);
  });

  test('none of them when its job is gone, and none when others have taken over what it leaves', () => {
    const one = assigning('all-or-nothing');
    const effect = one.only('AssignNodes');
    one.asks = true;
    one.resume('q-dy-c-[1-4]', [{ job_id: 2, nodes_resume: 'q-dy-c-[1-4]' }]);
    one.sendSeen({ gone: [1] });
    expect(one.state.leases.size).toBe(3);
    expect(stillGiven(one.state, effect)).toEqual([]);
  });

  test('those alone that Slurm has not powered down, and whose instance is the same', () => {
    const one = assigning('best-effort');
    const effect = one.only('AssignNodes');
    one.suspend('q-dy-c-1');
    expect(stillGiven(one.state, effect)).toEqual(['q-dy-c-2', 'q-dy-c-3']);
    const others = { ...effect, instanceIds: effect.instanceIds.map((id) => `${id}0`) };
    expect(stillGiven(one.state, others)).toEqual([]);
  });
});
