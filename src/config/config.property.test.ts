/** Whatever stands in a file, it is loaded or refused: reading it never throws and never takes for ever. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { formatProblem } from './problem.ts';
import { clusterYaml, createTestFiles, load } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

let files: TestFiles;
beforeAll(() => {
  files = createTestFiles();
});
afterAll(() => {
  files.remove();
});

describe('any text', () => {
  const words = fc.constantFrom(
    '[slurm_resume]',
    '[',
    ']',
    '\n',
    '  ',
    '\t',
    '=',
    ':',
    '#',
    ';',
    '`',
    '- ',
    '{',
    '}',
    '"',
    '&a ',
    '*a',
    '<<: ',
    '!!set ',
    '? ',
    '|',
    '---\n',
    '%YAML',
    '\\',
    '\r',
    '\u0000',
    '\uFEFF',
    '$ cat',
    'max_batch_size',
    'all_or_nothing_batch',
    'region',
    'us-east-2',
    'True',
    '1e9',
    '-1',
    'launch',
    'queues',
    'ladder',
    'retry',
    'Scheduling',
    'SlurmQueues',
    'ComputeResources',
    'Name',
    'MinCount',
    '__proto__',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc
      .array(fc.oneof(words, fc.string({ maxLength: 4 })), { maxLength: 40 })
      .map((all) => all.join('')),
  );
  const names = ['any.conf', 'any.yaml', 'any'];

  test('is loaded or refused with a place and a cure, and never throws', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(...names), (content, name) => {
        const path = files.write(name, content);
        const result = load(path);
        if (result.kind === 'loaded') return;
        expect(result.errors.length).toBeGreaterThan(0);
        for (const error of result.errors) {
          expect(error.file).toBe(path);
          expect(error.hint).not.toBe('');
          expect(error.line ?? 1).toBeGreaterThanOrEqual(1);
          expect(error.column ?? 1).toBeGreaterThanOrEqual(1);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('is refused when a part of a good file is cut out of it, or it still loads', () => {
    const good = clusterYaml();
    const cut = fc.tuple(fc.nat(good.length), fc.nat(30));
    fc.assert(
      fc.property(cut, ([start, length]) => {
        const path = files.write('cut.yaml', good.slice(0, start) + good.slice(start + length));
        expect(['loaded', 'refused']).toContain(load(path).kind);
      }),
      { numRuns: 300 },
    );
  });

  test('nested too deep for the parser is refused, in few words', () => {
    const path = files.write('deep.yaml', 'a: ' + '['.repeat(100_000));
    const result = load(path);
    if (result.kind !== 'refused') throw new Error('it was loaded');
    expect(result.errors.length).toBeLessThanOrEqual(20);
    expect(result.errors[0]).toMatchObject({ file: path, line: 1 });
    expect(result.errors.map(formatProblem).join('').slice(0, 20_000).length).toBeLessThan(20_000);
  });

  test('whose aliases multiply without end is refused', () => {
    const levels = Array.from({ length: 12 }, (_, n) => {
      const previous =
        n === 0
          ? '[x]'
          : `[${Array(10)
              .fill(`*a${n - 1}`)
              .join(',')}]`;
      return `a${n}: &a${n} ${previous}`;
    });
    const path = files.write('bomb.yaml', `${levels.join('\n')}\n`);
    expect(load(path)).toMatchObject({
      kind: 'refused',
      errors: [{ file: path, line: 1, message: expect.stringContaining('cannot be read as YAML') }],
    });
  });
});
