import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootAllowanceMs, launchBy, marginMs, registerBy } from './deadlines.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { createInvariants } from './testing/invariants.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';

const requestedAt = 1_000_000;

function settings(resumeTimeoutMs: number | null): Settings {
  return {
    ...defaultSettings,
    resumeTimeoutMs,
    bootTimeMs: 300_000,
    deadlineMarginMs: 60_000,
    launchPatienceMs: 240_000,
  };
}

/** After the request, in seconds: the margin, what a boot is allowed, the last launch, the last registration. */
type Row = readonly [margin: number, boot: number, launch: number, register: number];

describe('the deadlines of a gang', () => {
  const rows: Record<string, { resumeTimeoutS: number; want: Row }> = {
    'of an hour leave all but a boot and the margin to the launch': {
      resumeTimeoutS: 3_600,
      want: [60, 300, 3_240, 3_540],
    },
    'of half an hour, too': { resumeTimeoutS: 1_800, want: [60, 300, 1_440, 1_740] },
    'of ten minutes: two boots do not fit, each gets less': {
      resumeTimeoutS: 600,
      want: [60, 243, 297, 540],
    },
    'of a minute: the margin is a tenth of it': {
      resumeTimeoutS: 60,
      want: [6, 24.3, 29.7, 54],
    },
  };
  test.each(Object.entries(rows))('%s', (_name, { resumeTimeoutS, want }) => {
    const each = settings(resumeTimeoutS * 1000);
    const [margin, boot, launch, register] = want.map((seconds) => seconds * 1000);
    expect(marginMs(each)).toBe(margin);
    expect(bootAllowanceMs(each)).toBe(boot);
    expect(launchBy(each, { requestedAt, places: [], wish: {} }) - requestedAt).toBe(launch);
    expect(registerBy(each, requestedAt, requestedAt + 5_000) - requestedAt).toBe(register);
  });

  test('where ResumeTimeout is not known: patience for the launch, two boots and the margin for the slurmd', () => {
    const each = settings(null);
    expect(marginMs(each)).toBe(60_000);
    expect(bootAllowanceMs(each)).toBe(300_000);
    expect(launchBy(each, { requestedAt, places: [], wish: {} })).toBe(requestedAt + 240_000);
    expect(registerBy(each, requestedAt, requestedAt + 5_000)).toBe(requestedAt + 665_000);
  });

  test('end before ResumeTimeout, and what is launched last has its boot before them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10_000, max: 86_400_000 }),
        fc.integer({ min: 1_000, max: 3_600_000 }),
        fc.integer({ min: 0, max: 600_000 }),
        (resumeTimeoutMs, bootTimeMs, deadlineMarginMs) => {
          const each = { ...defaultSettings, resumeTimeoutMs, bootTimeMs, deadlineMarginMs };
          const registered = registerBy(each, requestedAt, requestedAt);
          const launched = launchBy(each, { requestedAt, places: [], wish: {} });
          expect(registered).toBeLessThanOrEqual(requestedAt + resumeTimeoutMs);
          expect(launched + bootAllowanceMs(each)).toBeLessThanOrEqual(registered);
          // A first boot that fails leaves time for a second one.
          expect(requestedAt + 2 * bootAllowanceMs(each)).toBeLessThanOrEqual(registered + 1);
        },
      ),
    );
  });
});

describe('a configuration that does not say ResumeTimeout, loaded after one with which Slurm had told it', () => {
  function told(): DrivenWorld {
    return createTestWorld(
      {
        ...{ resumeTimeoutMs: 1_800_000, strategy: 'launch', maxBatchSize: 10 },
        launchInstances: { burst: 10, perSecond: 0.02 },
      },
      createInvariants(),
    );
  }

  function reload(one: DrivenWorld): void {
    one.send({ kind: 'ConfigLoaded', settings: { ...one.state.settings, resumeTimeoutMs: null } });
  }

  test.each(['a reload', 'a restart'])('lets no gang go that waits for tokens, at %s', (how) => {
    const one = told();
    one.resume('q-dy-c-[1-30]', ['q-dy-c-[1-30]']);
    for (let step = 0; step < 40; step += 1) {
      for (const each of one.out('RunInstances')) one.launch(each);
      one.advance(10_000);
    }
    reload(one);
    if (how === 'a restart') one.send({ kind: 'Started' });
    expect(one.decisions('GangClosed')).toEqual([]);
    expect(one.out('TerminateInstances')).toEqual([]);
    expect(one.state.settings.resumeTimeoutMs).toBe(1_800_000);
  });

  test('and where Slurm has never told it, a gang that would wait too long is tried again, not held', () => {
    const one = createTestWorld({ strategy: 'launch', maxBatchSize: 500 }, createInvariants());
    one.resume('q-dy-c-[1-2000]', ['q-dy-c-[1-2000]']);
    expect(one.decisions('JobRefused')).toMatchObject([{ code: 'LaunchTooLate', hold: null }]);
  });
});
