/** The table of verdicts: every combination of facts, and what must hold for all of them. */
import { describe, expect, test } from 'vitest';
import { judgeNode, rules, type NodeFacts, type Rule } from './judge.ts';
import { reasonCodes } from './reasons.ts';

const both = [false, true] as const;

/** What a node can be, dimension by dimension. */
const power = ['saved', 'powering-up', 'up', 'down-wanted', 'powering-down'] as const;
const reasons = ['nobody', 'muster', 'slurm', 'person'] as const;
const affairs = ['none', 'boot', 'open'] as const;
const leases = ['none', 'launched', 'given', 'registered'] as const;
const sights = ['runs', 'ended', 'absent', 'impaired', 'event', 'unknown'] as const;

/** All of them, the impossible ones too: nobody knows what a listing will show. */
function* everything(): Generator<NodeFacts> {
  for (const slurm of states())
    for (const reasonBy of reasons)
      for (const isShut of both)
        for (const affair of affairs)
          for (const lease of leases)
            for (const instance of sights)
              yield { slurm, reasonBy, isShut, affair, lease, instance };
}

function* states(): Generator<NodeFacts['slurm']> {
  for (const of of power)
    for (let bits = 0; bits < 2 ** 7; bits += 1) {
      const has = (bit: number): boolean => (bits & (1 << bit)) !== 0;
      yield {
        power: of,
        isDown: has(0),
        isDrained: has(1),
        isFailing: has(2),
        isResponding: has(3),
        isRebooting: has(4),
        isReserved: has(5),
        isBusy: has(6),
      };
    }
}

const verdicts: { readonly facts: NodeFacts; readonly rule: Rule & { name: string } }[] = [];
for (const facts of everything()) verdicts.push({ facts, rule: judgeNode(facts) });

/** Combinations of which the claim does not hold, in short: a few are enough to read. */
function exceptions(holds: (facts: NodeFacts, rule: Rule) => boolean): string[] {
  return verdicts
    .filter(({ facts, rule }) => !holds(facts, rule))
    .slice(0, 3)
    .map(({ facts, rule }) => `${rule.name}: ${JSON.stringify(facts)}`);
}

const endsInstance: ReadonlySet<string> = new Set([
  'lose-instance',
  'fail-boot',
  'release',
  'end-boot',
  'end-instance',
  'give-back',
]);
/** Slurm is made to power the node down: what runs there ends. */
const powersDown: ReadonlySet<string> = new Set(['lose-instance', 'release', 'give-back']);
const isOut = ({ slurm }: NodeFacts): boolean => slurm.isDown || slurm.isDrained || slurm.isFailing;

describe('over all combinations of facts', () => {
  test('there is one verdict, and every rule of the table is somebody’s', () => {
    expect(verdicts).toHaveLength(640 * 4 * 2 * 3 * 4 * 6);
    const used = new Set(verdicts.map(({ rule }) => rule.name));
    expect(rules.map(({ name }) => name).filter((name) => !used.has(name))).toEqual([]);
  });

  test('a node that runs something is not powered down, unless EC2 says that its instance is gone', () => {
    expect(
      exceptions(({ slurm, instance }, { verdict }) => {
        // One that powers up is allocated, and runs nothing yet.
        if (!slurm.isBusy || slurm.power === 'powering-up') return true;
        if (instance === 'ended' || instance === 'absent') return true;
        return !powersDown.has(verdict) && !verdict.startsWith('end-');
      }),
    ).toEqual([]);
  });

  test('what EC2 has not said is no ground to do anything about an instance', () => {
    expect(
      exceptions(
        ({ lease, instance }, { verdict }) =>
          lease === 'none' || instance !== 'unknown' || verdict === 'leave',
      ),
    ).toEqual([]);
  });

  test('without an instance, what a person keeps out of service stays out', () => {
    expect(
      exceptions((facts, { verdict }) => {
        const isKept = facts.reasonBy === 'person' && isOut(facts) && facts.lease === 'none';
        return !isKept || verdict === 'leave';
      }),
    ).toEqual([]);
  });

  test('who is in a reservation is left alone', () => {
    expect(
      exceptions(({ slurm }, { verdict }) => !slurm.isReserved || verdict === 'leave'),
    ).toEqual([]);
  });

  test('where muster is at it, nothing is begun but the end of a boot that EC2 says has failed, or Slurm has ended', () => {
    expect(
      exceptions(({ affair, instance, slurm }, { verdict }) => {
        if (affair === 'none' || verdict === 'leave') return true;
        if (affair !== 'boot') return false;
        const isOff = slurm.power === 'saved' || slurm.power === 'powering-down';
        if (verdict === 'end-boot') return isOff && !slurm.isBusy;
        return instance === 'impaired' && slurm.power !== 'up';
      }),
    ).toEqual([]);
  });

  test('only who has an instance loses one', () => {
    const needs: ReadonlySet<string> = new Set([
      'lose-instance',
      'fail-boot',
      'end-boot',
      'end-instance',
    ]);
    expect(exceptions(({ lease }, { verdict }) => lease !== 'none' || !needs.has(verdict))).toEqual(
      [],
    );
  });

  test('a healthy node in service that Slurm has up is left to SuspendTime, unless its partitions are shut', () => {
    expect(
      exceptions((facts, { verdict }) => {
        const { slurm, lease, instance, isShut } = facts;
        const isFine = slurm.power === 'up' && !isOut(facts) && instance === 'runs';
        return !isFine || lease === 'none' || isShut || verdict === 'leave';
      }),
    ).toEqual([]);
  });

  test('a node that reboots keeps its instance while Slurm does not call it down', () => {
    expect(
      exceptions(({ slurm, instance, affair }, { verdict }) => {
        if (!slurm.isRebooting || slurm.isDown) return true;
        if (instance === 'ended' || instance === 'absent' || affair === 'boot') return true;
        return !endsInstance.has(verdict);
      }),
    ).toEqual([]);
  });

  test('no instance runs on behind a node that is idle and out of service, or powered down, or shut', () => {
    expect(
      exceptions((facts, { verdict }) => {
        const { slurm, lease, instance, affair, isShut } = facts;
        if (lease === 'none' || instance === 'unknown' || affair !== 'none') return true;
        if (slurm.isReserved || slurm.isRebooting || slurm.isBusy) return true;
        if (slurm.power === 'down-wanted') return true;
        const isUseless = isOut(facts) || isShut || slurm.power !== 'up';
        return !isUseless || endsInstance.has(verdict);
      }),
    ).toEqual([]);
  });

  test('what is done has a reason code, where Slurm or the log shows one', () => {
    for (const rule of rules as readonly (Rule & { name: string })[]) {
      const isSilent = rule.verdict === 'leave' || rule.verdict === 'bring-back';
      expect({ name: rule.name, hasCode: rule.code !== null }).toEqual({
        name: rule.name,
        hasCode: !isSilent,
      });
      if (rule.code !== null) expect(reasonCodes[rule.code]).not.toBe('');
    }
  });
});

/** Up, idle and healthy, with a slurmd that has registered. */
const well: NodeFacts = {
  slurm: {
    power: 'up',
    isDown: false,
    isDrained: false,
    isFailing: false,
    isResponding: true,
    isRebooting: false,
    isReserved: false,
    isBusy: false,
  },
  reasonBy: 'nobody',
  isShut: false,
  affair: 'none',
  lease: 'registered',
  instance: 'runs',
};

type Change = Partial<Omit<NodeFacts, 'slurm'>> & Partial<NodeFacts['slurm']>;

function judged(change: Change): string {
  const slurm = { ...well.slurm };
  const facts = { ...well, ...change };
  for (const key of Object.keys(slurm) as (keyof typeof slurm)[])
    if (key in change) Object.assign(slurm, { [key]: change[key] });
  const { name, verdict } = judgeNode({ ...facts, slurm });
  return `${name}: ${verdict}`;
}

describe('the rules, one by one', () => {
  const table: [string, Change, string][] = [
    ['up, idle and healthy', {}, 'in-order: leave'],
    ['at work', { isBusy: true }, 'at-work: leave'],
    ['reserved and down', { isReserved: true, isDown: true }, 'reserved: leave'],
    ['booting', { affair: 'boot', lease: 'given', power: 'powering-up' }, 'in-hand: leave'],
    [
      'booting on an impaired instance',
      { affair: 'boot', lease: 'given', power: 'powering-up', instance: 'impaired' },
      'sick-at-birth: fail-boot',
    ],
    [
      'powered down while its slurmd is awaited',
      { affair: 'boot', lease: 'given', power: 'saved' },
      'suspend-lost-at-boot: end-boot',
    ],
    [
      'given up by Slurm while its slurmd is awaited: its own deadline',
      { affair: 'boot', lease: 'given', power: 'saved', isDown: true },
      'in-hand: leave',
    ],
    [
      'booting, and EC2 does not show it yet',
      { affair: 'boot', lease: 'given', power: 'powering-up', instance: 'absent' },
      'in-hand: leave',
    ],
    ['down while muster is at it', { affair: 'open', isDown: true }, 'in-hand: leave'],
    ['down while EC2 is silent', { isDown: true, instance: 'unknown' }, 'unseen: leave'],
    ['its instance ended', { isBusy: true, instance: 'ended' }, 'instance-ended: lose-instance'],
    ['its instance gone', { instance: 'absent' }, 'instance-absent: lose-instance'],
    ['rebooting', { isRebooting: true, isResponding: false }, 'rebooting: leave'],
    ['rebooting, down', { isRebooting: true, isDown: true }, 'reboot-stuck: release'],
    ['powered down with an instance', { power: 'saved' }, 'suspend-lost: end-instance'],
    ['powering down with one', { power: 'powering-down' }, 'suspend-lost: end-instance'],
    ['to be powered down', { power: 'down-wanted' }, 'powering-down: leave'],
    ['powered down', { power: 'saved', lease: 'none' }, 'powered-down: leave'],
    [
      'ResumeTimeout, and no ResumeFail came',
      { power: 'saved', lease: 'none', isDown: true, reasonBy: 'slurm' },
      'left-out: bring-back',
    ],
    [
      'given back by muster, and forgotten',
      { power: 'saved', lease: 'none', isDown: true, reasonBy: 'muster' },
      'left-out: bring-back',
    ],
    [
      'drained by muster, and forgotten',
      { power: 'saved', lease: 'none', isDrained: true, reasonBy: 'muster' },
      'left-out: bring-back',
    ],
    [
      'drained by a person while it is off',
      { power: 'saved', lease: 'none', isDrained: true, reasonBy: 'person' },
      'kept-out: leave',
    ],
    [
      'off, and not heard of',
      { power: 'saved', lease: 'none', isResponding: false },
      'silent-off: bring-back',
    ],
    ['asked for by nobody', { power: 'powering-up', lease: 'none' }, 'request-lost: give-back'],
    ['powering up on an old instance', { power: 'powering-up' }, 'boot-of-old-instance: give-back'],
    [
      'powering up, and nobody waits for it',
      { power: 'powering-up', lease: 'given' },
      'boot-forgotten: give-back',
    ],
    ['impaired at work', { instance: 'impaired', isBusy: true }, 'sick-at-work: drain'],
    [
      'impaired at work, drained',
      { instance: 'impaired', isBusy: true, isDrained: true },
      'at-work: leave',
    ],
    ['an event at work', { instance: 'event', isBusy: true }, 'event-at-work: drain'],
    ['impaired and idle', { instance: 'impaired' }, 'sick: release'],
    ['an event, and idle', { instance: 'event' }, 'event: release'],
    ['up with nothing behind it', { lease: 'none' }, 'nobody-behind: release'],
    ['at work with nothing behind it', { lease: 'none', isBusy: true }, 'at-work: leave'],
    ['down', { isDown: true, reasonBy: 'slurm' }, 'down: release'],
    ['down by a person, with an instance', { isDown: true, reasonBy: 'person' }, 'down: release'],
    ['drained and idle', { isDrained: true, reasonBy: 'person' }, 'drained: release'],
    ['drained and at work', { isDrained: true, isBusy: true }, 'at-work: leave'],
    ['failing and idle', { isFailing: true }, 'drained: release'],
    ['not responding, and not down yet', { isResponding: false }, 'in-order: leave'],
    ['shut and idle', { isShut: true }, 'shut: release'],
    ['shut and at work', { isShut: true, isBusy: true }, 'at-work: leave'],
  ];
  test.each(table)('%s', (_name, change, verdict) => {
    expect(judged(change)).toBe(verdict);
  });
});
