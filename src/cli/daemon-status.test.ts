import { describe, expect, test } from 'vitest';
import { daemonStatus, daemonWords, type DaemonSigns } from './daemon-status.ts';
import { plain } from './paint.ts';

const at = Date.UTC(2026, 10, 26, 18);
const beat = (ageMs: number) => ({ at: at - ageMs, everyMs: 10_000 });

function seen(signs: Partial<DaemonSigns>) {
  const all = { heartbeat: beat(3_000), holdsLedger: true, hasRun: true, ...signs };
  const status = daemonStatus(all, at);
  return { state: status.state, words: daemonWords(status, at, plain) };
}

describe('by its heartbeat muster', () => {
  test.each([
    ['just now', beat(0), 'works'],
    ['a little late', beat(29_000), 'works'],
    ['too late', beat(31_000), 'stopped'],
    ['from a clock ahead of this one', beat(-5_000), 'works'],
    ['never', null, 'unknown'],
  ] as const)('%s: %o', (_, heartbeat, state) => {
    expect(seen({ heartbeat }).state).toBe(state);
    expect(seen({ heartbeat, holdsLedger: null }).state).toBe(state);
  });
});

describe('what is said', () => {
  test('while it works', () => {
    expect(seen({})).toEqual({ state: 'works', words: 'works' });
  });

  test('as soon as nobody holds the ledger, however young the heartbeat is', () => {
    expect(seen({ holdsLedger: false })).toEqual({
      state: 'stopped',
      words:
        'does not work: no daemon runs, its last heartbeat is 3s old; what follows is as it left it',
    });
  });

  test('of one that runs and does not beat', () => {
    expect(seen({ heartbeat: beat(7_200_000) }).words).toBe(
      'does not work: its last heartbeat is 2h old, and it runs: it starts, hangs or cannot write its ledger; what follows is as it left it',
    );
  });

  test('where the lock may not be looked at', () => {
    expect(seen({ heartbeat: beat(60_000), holdsLedger: null }).words).toBe(
      'does not work: its last heartbeat is 60s old; what follows is as it left it',
    );
  });

  test('without any heartbeat', () => {
    const none = { heartbeat: null };
    expect(seen({ ...none, holdsLedger: false }).words).toContain('no heartbeat: no daemon runs;');
    expect(seen({ ...none }).words).toContain('has left no heartbeat yet: one starts;');
    expect(seen({ ...none, holdsLedger: null }).words).toContain('has left no heartbeat; what');
  });

  test('of a ledger that no daemon has worked on: a heartbeat is of the one before', () => {
    const begun = { hasRun: false, holdsLedger: false };
    const words = 'does not work: no daemon has run since the ledger was begun';
    expect(seen(begun)).toEqual({ state: 'stopped', words });
    expect(seen({ ...begun, heartbeat: null })).toEqual({ state: 'unknown', words });
    expect(seen({ hasRun: false }).words).toContain('does not work yet: ');
  });
});
