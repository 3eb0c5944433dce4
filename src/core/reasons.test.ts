import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drainReason, isOwnReason, nodeReason } from './reasons.ts';

const code = 'InsufficientInstanceCapacity';
const head = '(Code:InsufficientInstanceCapacity)Failure when resuming nodes';

describe("a node's reason", () => {
  const table = new Map<string, [string, string]>([
    ["is in ParallelCluster's format", ['no room in us-east-2b', `${head}: no room in us-east-2b`]],
    ['is bare where EC2 says no more', ['', head]],
    ['is one line', ['a\nb\r\n\tc', `${head}: a b c`]],
    ['has no quotes, back quotes or backslashes', [`a "b" 'c' \`d\` \\e`, `${head}: a b c d e`]],
    ['has plain characters only', ['größer als 5 €', `${head}: gr er als 5`]],
  ]);
  for (const [name, [message, want]] of table) {
    test(name, () => {
      expect(nodeReason({ code, message })).toBe(want);
    });
  }

  test('is cut where nobody would read on', () => {
    expect(nodeReason({ code, message: 'x'.repeat(240) })).toBe(`${head}: ${'x'.repeat(240)}`);
    expect(nodeReason({ code, message: 'x'.repeat(241) })).toBe(`${head}: ${'x'.repeat(237)}...`);
  });

  test('is safe as one argument, whatever EC2 says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (message) => {
        expect(nodeReason({ code, message })).toMatch(/^[\x20-\x7e]{1,310}$/);
        expect(nodeReason({ code, message })).not.toMatch(/["'`\\]/);
      }),
    );
  });
});

describe('whose a reason is', () => {
  test("muster's own, whatever code the cloud gave it", () => {
    for (const each of [
      'JobGone',
      'InvalidGroup.NotFound',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'E2BIG',
    ]) {
      expect(isOwnReason(nodeReason({ code: each, message: '' }))).toBe(true);
      expect(isOwnReason(drainReason({ code: each, message: 'why' }))).toBe(true);
    }
  });

  test("a person's where it only has such a code in it", () => {
    expect(isOwnReason('bad disk')).toBe(false);
    expect(isOwnReason('bob: was (Code:JobGone)')).toBe(false);
    expect(isOwnReason('(Code:)')).toBe(false);
  });
});
