import { describe, expect, test } from 'vitest';

import { hintFor, nearest } from './nearest.ts';
import { formatProblem, problemAt, problemWith, sourceText } from './problem.ts';

describe('a problem is printed', () => {
  const source = sourceText('a.conf', 'first\n\tmax_bacth_size = 4\n');

  test('with its place, its cure and a caret under the spot', () => {
    const said = { message: 'unknown key', hint: 'did you mean `max_batch_size`?' };
    const text = formatProblem(problemAt(source, { line: 2, column: 2 }, said));
    expect(text.split('\n')).toEqual([
      'a.conf:2:2: unknown key',
      '    did you mean `max_batch_size`?',
      '    2 |  max_bacth_size = 4',
      '      |  ^',
    ]);
  });

  test('without a place where the file as a whole is wrong', () => {
    const problem = problemWith('a.conf', { message: 'is lost', hint: 'find it' });
    expect(formatProblem(problem)).toBe('a.conf: is lost\n    find it');
  });

  test('without a line that is empty, or a caret that would be far out', () => {
    const said = { message: 'm', hint: 'h' };
    const empty = sourceText('a.conf', '\n');
    expect(formatProblem(problemAt(empty, { line: 1, column: 1 }, said))).toBe(
      'a.conf:1:1: m\n    h',
    );
    const long = sourceText('a.conf', 'x'.repeat(400));
    expect(formatProblem(problemAt(long, { line: 1, column: 300 }, said))).not.toContain('^');
  });

  test('without control characters, which could steer the terminal', () => {
    const evil = sourceText('a.conf', 'key\u001B[2J\u0007 = \u009B1m');
    const said = { message: 'unknown key `\u001B[2J`', hint: 'h' };
    const text = formatProblem(problemAt(evil, { line: 1, column: 1 }, said));
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/);
    expect(text).toContain('key?[2J? = ?1m');
  });

  test('and a notice with its severity', () => {
    const notice = { severity: 'warning', file: 'a', line: 3, column: 4, message: 'm' } as const;
    expect(formatProblem(notice)).toBe('a:3:4: warning: m');
    expect(formatProblem({ ...notice, severity: 'note', line: null, column: null })).toBe(
      'a: note: m',
    );
  });
});

describe('the nearest word', () => {
  const words = ['region', 'all_or_nothing_batch', 'max_batch_size', 'MaxCount'];
  const rows: Record<string, string | null> = {
    regoin: 'region',
    regio: 'region',
    regionn: 'region',
    rwgion: 'region',
    all_or_nothing: null,
    all_or_nothin_bach: 'all_or_nothing_batch',
    maxbatchsize: 'max_batch_size',
    maxcount: 'MaxCount',
    colour: null,
    x: null,
    '': null,
  };
  test.each(Object.entries(rows))('to "%s"', (word, want) => {
    expect(nearest(word, words)).toBe(want);
  });

  test('is proposed, and without one all words are named', () => {
    expect(hintFor('regoin', words)).toBe('did you mean `region`?');
    expect(hintFor('colour', ['a', 'b'])).toBe('valid here: a, b');
  });
});
