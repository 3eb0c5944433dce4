import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeName, parseNodeName } from './node-name.ts';
import type { NodeNameParts } from './node-name.ts';

/** ParallelCluster's own rule, with groups for its parts. */
const rule = /^([a-z0-9-]+)-(st|dy)-([a-z0-9-]+)-(\d+)$/;

describe('parseNodeName takes', () => {
  const tables = new Map<string, [string, NodeNameParts]>([
    [
      'a dynamic node',
      [
        'queue1-dy-c5xlarge-3',
        { queue: 'queue1', nodeType: 'dynamic', computeResource: 'c5xlarge', index: 3 },
      ],
    ],
    [
      'a static node',
      [
        'queue1-st-c5xlarge-12',
        { queue: 'queue1', nodeType: 'static', computeResource: 'c5xlarge', index: 12 },
      ],
    ],
    [
      'hyphens in both names',
      [
        'big-q-dy-big-q-c6i-1',
        { queue: 'big-q', nodeType: 'dynamic', computeResource: 'big-q-c6i', index: 1 },
      ],
    ],
    [
      'the last of several marks',
      [
        'queue1-st-dy-c5-1',
        { queue: 'queue1-st', nodeType: 'dynamic', computeResource: 'c5', index: 1 },
      ],
    ],
    [
      'a mark in the queue name',
      ['a-dy-b-st-c-1', { queue: 'a-dy-b', nodeType: 'static', computeResource: 'c', index: 1 }],
    ],
    [
      'a mark that ends the compute resource',
      ['q-dy-c-st-1', { queue: 'q', nodeType: 'dynamic', computeResource: 'c-st', index: 1 }],
    ],
    [
      'a mark for a compute resource',
      ['q-dy-st-1', { queue: 'q', nodeType: 'dynamic', computeResource: 'st', index: 1 }],
    ],
    [
      'a padded number',
      ['q-dy-c-007', { queue: 'q', nodeType: 'dynamic', computeResource: 'c', index: 7 }],
    ],
  ]);
  for (const [name, [text, want]] of tables) {
    test(name, () => {
      expect(parseNodeName(text)).toEqual({ kind: 'ok', ...want });
    });
  }
});

describe('parseNodeName refuses', () => {
  const tables = new Map<string, [string, RegExp]>([
    [
      'the misprint without a hyphen, and says what was meant',
      ['queue2-dy-c5xlarge1', /was queue2-dy-c5xlarge-1 meant/],
    ],
    [
      'the misprint with a longer number',
      ['queue2-dy-c5xlarge120', /was queue2-dy-c5xlarge-120 meant/],
    ],
    ['capital letters, and says what was meant', ['Queue1-dy-C5-1', /was queue1-dy-c5-1 meant/]],
    ['a name without a mark', ['node1', /a node name is <queue>-<st\|dy>/]],
    ['a number alone', ['17', /a node name is/]],
    ['the empty name', ['', /a node name is/]],
    ['no number', ['q-dy-c-', /a node name is/]],
    ['no compute resource', ['q-dy-5', /a node name is/]],
    ['an empty compute resource', ['q-dy--5', /a node name is/]],
    ['no queue', ['-dy-c-1', /a node name is/]],
    ['underscores', ['my_queue-dy-c-1', /a node name is/]],
    ['dots', ['q-dy-c5.xlarge-1', /a node name is/]],
    ['a line break at the end', ['q-dy-c-1\n', /a node name is/]],
    ['digits of other alphabets', ['q-dy-c-١', /a node name is/]],
    ['a number too large to count', ['q-dy-c-99999999999999999999', /a node name is/]],
  ]);
  for (const [name, [text, hint]] of tables) {
    test(name, () => {
      const result = parseNodeName(text);
      expect(result.kind).toBe('error');
      expect(result).toMatchObject({
        hint: expect.stringMatching(hint),
        message: expect.stringContaining(text),
      });
    });
  }

  test('a very long name, with a short message', () => {
    const result = parseNodeName('x'.repeat(100_000));
    expect(result.kind === 'error' && result.message.length + result.hint.length).toBeLessThan(400);
  });
});

/** Names close to the rule, on either side of it. */
function nameLike(): fc.Arbitrary<string> {
  const piece = fc.constantFrom('-', '-st-', '-dy-', 'st', 'dy', 'q', 'c5', '-1', '7', '-', 'X');
  const end = fc.constantFrom('', '-1', '-dy-c-07');
  return fc
    .tuple(fc.array(piece, { maxLength: 10 }), end)
    .map(([pieces, last]) => pieces.join('') + last);
}

test("splits what ParallelCluster's rule takes, as it does, and nothing else", () => {
  let taken = 0;
  fc.assert(
    fc.property(nameLike(), (name) => {
      const match = rule.exec(name);
      const result = parseNodeName(name);
      if (match === null) {
        expect(result.kind).toBe('error');
        return;
      }
      taken += 1;
      expect(result).toEqual({
        kind: 'ok',
        queue: match[1],
        nodeType: match[2] === 'st' ? 'static' : 'dynamic',
        computeResource: match[3],
        index: Number(match[4]),
      });
    }),
    { numRuns: 20_000 },
  );
  expect(taken).toBeGreaterThan(500);
});

test('nodeName and parseNodeName are inverse to each other', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/);
  fc.assert(
    fc.property(word, word, fc.boolean(), fc.nat(), (queue, computeResource, isStatic, index) => {
      const parts: NodeNameParts = {
        queue,
        nodeType: isStatic ? 'static' : 'dynamic',
        computeResource,
        index,
      };
      expect(parseNodeName(nodeName(parts))).toEqual({ kind: 'ok', ...parts });
    }),
  );
  expect(nodeName({ queue: 'queue1', nodeType: 'static', computeResource: 'c5', index: 4 })).toBe(
    'queue1-st-c5-4',
  );
});

test('takes linear time on a hundred kilobytes of hyphens and marks', () => {
  const before = performance.now();
  for (const text of ['-', '-dy-', '1', '-1'])
    expect(parseNodeName(text.repeat(30_000)).kind).toBe('error');
  // Quadratic work on these takes minutes.
  expect(performance.now() - before).toBeLessThan(5_000);
});
