/** Muster's part of the AdminComment: one line, bounded, and never more than its own part. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cureOf, noteOf, withNote } from './job-note.ts';
import { reasonCodes } from './reasons.ts';

const verdict = {
  code: 'InsufficientInstanceCapacity',
  message: 'no room',
  at: Date.UTC(2022, 5, 21, 23, 37, 55, 845),
  tries: 3,
  nextAt: Date.UTC(2022, 5, 21, 23, 39, 1),
  hold: null,
};

describe('withNote', () => {
  const comments: ReadonlyMap<string, readonly [string, string | null, string]> = new Map([
    ['puts it into an empty comment', ['', 'a', '[muster: a]']],
    ['puts it behind what others wrote', ['theirs', 'a', 'theirs [muster: a]']],
    ['replaces its own part', ['x [muster: old] y', 'a', 'x y [muster: a]']],
    ['replaces all of its own parts', ['[muster: b] x [muster: c]', 'a', 'x [muster: a]']],
    ['takes its own part out', ['theirs [muster: old]', null, 'theirs']],
    ['takes nothing out where there is none', ['theirs', null, 'theirs']],
    [
      'leaves what only looks like it',
      ['[muster] [slurm: x]', 'a', '[muster] [slurm: x] [muster: a]'],
    ],
    ['leaves an opening without an end', ['[muster: x', 'a', '[muster: x [muster: a]']],
    ['finds its own part behind that', ['[muster: x [muster: b]', 'a', '[muster: x [muster: a]']],
    ['makes one line of several', ['', 'a\n\tb\r\nc', '[muster: a b c]']],
    [
      'drops what would end its part, or a shell word',
      ['', `a]b[c"d'e\\f\`g`, '[muster: abcdefg]'],
    ],
  ]);
  for (const [name, [comment, note, want]] of comments) {
    test(name, () => expect(withNote(comment, note)).toBe(want));
  }

  test('is bounded', () => {
    const text = withNote('', 'x'.repeat(5_000));
    expect(text).toHaveLength('[muster: ]'.length + 500);
    expect(text.endsWith('...]')).toBe(true);
  });

  test('written twice is written once, whatever the texts, and taking it out gives back the rest', () => {
    const others = fc
      .array(fc.oneof(fc.string(), fc.constantFrom('[muster: ', '[', ']', ' ')))
      .map((parts) => parts.join(''))
      .filter((text) => !/\[muster: [^[\]]*\]/.test(text));
    fc.assert(
      fc.property(others, fc.string(), fc.string(), (comment, first, second) => {
        const once = withNote(comment, second);
        expect(withNote(withNote(comment, first), second)).toBe(once);
        expect(withNote(once, null)).toBe(comment.trim());
        expect(once.slice(comment.trim().length)).toMatch(/^ ?\[muster: [\x20-\x7e]*\]$/);
      }),
    );
  });
});

describe('noteOf', () => {
  test('says which try, when, why, when next, and what would help', () => {
    expect(noteOf(verdict)).toBe(
      'try 3 refused 2022-06-21T23:37:55Z (Code:InsufficientInstanceCapacity) no room; ' +
        'next try 2022-06-21T23:39:01Z; fewer nodes, another zone, instance type or market would help, or time',
    );
  });

  test('says who can release a job that is held', () => {
    expect(noteOf({ ...verdict, nextAt: null, hold: 'user' })).toContain('scontrol release');
    expect(noteOf({ ...verdict, nextAt: null, hold: 'admin' })).toContain('administrator releases');
  });

  test('keeps its end however long the message is', () => {
    const note = noteOf({ ...verdict, message: 'm'.repeat(4_000) });
    expect(withNote('', note)).toContain('or time]');
    expect(note).toContain(`${'m'.repeat(217)}...;`);
  });

  test('fits into the comment with every code of muster, the longest message, and each end', () => {
    for (const code of Object.keys(reasonCodes)) {
      for (const hold of ['admin', 'user'] as const) {
        const note = noteOf({ ...verdict, code, message: 'm'.repeat(999), nextAt: null, hold });
        expect(withNote('', note)).toContain(`${cureOf(code)}]`);
      }
    }
  });
});

describe('cureOf', () => {
  const cures: ReadonlyMap<string, string> = new Map([
    ['VcpuLimitExceeded', 'quota'],
    ['UnauthorizedOperation', 'permissions'],
    ['Unsupported', 'not offered there'],
    ['Timeout', 'time helps'],
    ['ResumeTimeoutTooShort', 'ResumeTimeout in slurm.conf'],
    ['BootTimeout', 'log of the instance'],
    ['NeverHeardOf', 'all that EC2 says'],
  ]);
  for (const [code, part] of cures) {
    test(`${code}: ${part}`, () => expect(cureOf(code)).toContain(part));
  }

  test('takes no code for a property of every object', () => {
    expect(cureOf('constructor')).toBe(cureOf('NeverHeardOf'));
  });
});
