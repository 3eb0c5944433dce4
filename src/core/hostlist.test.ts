import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostlistLimit, parseHostlist, parseHostlistElements } from './hostlist.ts';
import type { HostlistError } from './hostlist.ts';

function namesOf(text: string): string[] {
  const result = parseHostlist(text);
  if (result.kind === 'error') throw new Error(`${text}: ${result.error.message}`);
  return result.nodes;
}

function errorOf(text: string): HostlistError {
  const result = parseHostlist(text);
  if (result.kind === 'ok')
    throw new Error(`${text} was expanded to ${String(result.nodes.length)} names`);
  return result.error;
}

describe('parseHostlist expands', () => {
  const tables = new Map<string, [string, string[]]>([
    ['one name', ['queue1-dy-t2micro-2', ['queue1-dy-t2micro-2']]],
    ['a name without a number', ['head', ['head']]],
    ['a range', ['n[1-3]', ['n1', 'n2', 'n3']]],
    ['a range of one', ['n[4-4]', ['n4']]],
    ['a range from zero', ['n[0-1]', ['n0', 'n1']]],
    ['numbers and ranges between commas', ['n[1,3-4,9]', ['n1', 'n3', 'n4', 'n9']]],
    ['zero padding', ['n[001-003]', ['n001', 'n002', 'n003']]],
    [
      'padding that the numbers outgrow',
      ['n[08-11,98-101]', 'n08 n09 n10 n11 n98 n99 n100 n101'.split(' ')],
    ],
    ['padding after the start of the range', ['n[1-03]', ['n1', 'n2', 'n3']]],
    ['padded numbers outside ranges', ['n[00,007]', ['n00', 'n007']]],
    ['two brackets, the last one fastest', ['a[1-2]b[3-4]', ['a1b3', 'a1b4', 'a2b3', 'a2b4']]],
    [
      'three brackets, the first before the second as Slurm does',
      ['a[1-2]b[1-2]c[1-2]', 'a1b1c1 a1b1c2 a2b1c1 a2b1c2 a1b2c1 a1b2c2 a2b2c1 a2b2c2'.split(' ')],
    ],
    ['brackets side by side', ['n[1-2][3-4]', ['n13', 'n14', 'n23', 'n24']]],
    ['a bracket without a head', ['[1-2]', ['1', '2']]],
    ['a mixed list', ['a[1-2],b,c[3]d[4]', ['a1', 'a2', 'b', 'c3d4']]],
    ['order as it is given', ['n[3,1-2],a', ['n3', 'n1', 'n2', 'a']]],
    ['duplicates as they are given', ['n[1,1],n1', ['n1', 'n1', 'n1']]],
    ['empty elements as nothing', [',a,,b,', ['a', 'b']]],
    ['spaces and tabs as separators', [' a b\tc[1-2] , d', ['a', 'b', 'c1', 'c2', 'd']]],
    ['the empty text as no nodes', ['', []]],
    ['separators alone as no nodes', [' ,,\t', []]],
    [
      'numbers beyond 64 bits as they are written',
      ['n[99999999999999999999]', ['n99999999999999999999']],
    ],
    [
      'ranges of wide numbers',
      [
        'n[0000000000000000008-10]',
        ['n0000000000000000008', 'n0000000000000000009', 'n0000000000000000010'],
      ],
    ],
    [
      'a number with many zeros',
      [
        'n[000000000000000000000000001-2]',
        ['n000000000000000000000000001', 'n000000000000000000000000002'],
      ],
    ],
    ['names in other alphabets', ['é[1-2]', ['é1', 'é2']]],
  ]);
  for (const [name, [text, want]] of tables) {
    test(name, () => {
      expect(parseHostlist(text)).toEqual({ kind: 'ok', nodes: want });
    });
  }

  test('the request of the ParallelCluster page', () => {
    const nodes = namesOf('queue1-dy-c5xlarge-[1-5],queue1-dy-t2micro-2,queue2-dy-c5xlarge-[1-3]');
    expect(nodes).toHaveLength(9);
    expect(nodes[4]).toBe('queue1-dy-c5xlarge-5');
    expect(nodes[8]).toBe('queue2-dy-c5xlarge-3');
  });

  test('the misprint of that page literally', () => {
    expect(namesOf('queue2-dy-c5xlarge[1-2]')).toEqual([
      'queue2-dy-c5xlarge1',
      'queue2-dy-c5xlarge2',
    ]);
  });
});

describe('parseHostlist refuses', () => {
  const tables = new Map<string, [string, number, RegExp, RegExp]>([
    ['a range that runs backwards', ['a,n[3-1]', 5, /backwards/, /write 1-3/]],
    ['a bracket that is never closed', ['a,n[1-3', 4, /never closed/, /close it/]],
    ['a bracket that was never opened', ['a,n1-3],b', 7, /closes no "\["/, /name\[1-3\]/]],
    ['a second closing bracket', ['n[1-2]]', 7, /closes no "\["/, /name\[1-3\]/]],
    ['a bracket in a bracket', ['n[[1-2]]', 3, /inside brackets/, /nested/]],
    ['empty brackets', ['n[]', 3, /number is missing/, /\[1,3-5\]/]],
    ['an empty place in brackets', ['n[1,,2]', 5, /number is missing/, /\[1,3-5\]/]],
    ['a comma before the closing bracket', ['n[1,]', 5, /number is missing/, /\[1,3-5\]/]],
    ['letters in brackets', ['n[a-b]', 3, /"a-b" is neither/, /numbers such as 7/]],
    ['a number that ends in a letter', ['n[1,2x]', 5, /"2x" is neither/, /numbers such as 7/]],
    ['a range of three', ['n[1-2-3]', 3, /"1-2-3" is neither/, /ranges such as 1-5/]],
    ['a range without a start', ['n[-1]', 3, /neither/, /its start, or write 1 alone/]],
    ['a range without an end', ['n[7-]', 3, /neither/, /its end, or write 7 alone/]],
    ['a space in brackets', ['n[1, 2]', 5, /neither/, /white space out/]],
    ['a tab in brackets', ['n[\t1]', 3, /neither/, /white space out/]],
    ['a sign in brackets', ['n[+1]', 3, /neither/, /numbers such as 7/]],
    ['digits of other alphabets in brackets', ['n[١-٣]', 3, /neither/, /numbers such as 7/]],
    ['a line break', ['a\nb', 2, /U\+000A/, /commas/]],
    ['a NUL', ['a,\0', 3, /U\+0000/, /commas/]],
    [
      'a range of numbers too large to count',
      ['n[1-9999999999999999]', 3, /more than 15 digits/, /one by one/],
    ],
    [
      'a start too large to count',
      ['n[1,18446744073709551614-18446744073709551615]', 5, /more than 15 digits/, /one by one/],
    ],
    ['a name too long for Slurm', [`a,${'x'.repeat(1_024)}`, 3, /1024 characters/, /comma/]],
    ['padding too long for Slurm', [`x[${'0'.repeat(1_023)}-1]`, 1, /1024 characters/, /comma/]],
  ]);
  for (const [name, [text, column, message, hint]] of tables) {
    test(name, () => {
      const error = errorOf(text);
      expect(error.message).toMatch(message);
      expect(error.hint).toMatch(hint);
      expect(error.column).toBe(column);
    });
  }

  test('a name of 1,023 characters is still taken', () => {
    expect(namesOf(`${'x'.repeat(1_020)}[099-100]`)).toHaveLength(2);
  });

  test('an error quotes the start of what is wrong, not a hundred kilobytes', () => {
    expect(errorOf(`n[${'z'.repeat(100_000)}]`).message.length).toBeLessThan(100);
    expect(errorOf(`n[${'2'.repeat(100_000)}-1]`).message.length).toBeLessThan(120);
    expect(errorOf(`n[1-${'2'.repeat(100_000)}]`).message.length).toBeLessThan(120);
  });
});

describe('the limit', () => {
  const bombs = new Map<string, string>([
    ['one range', 'n[1-999999999]'],
    ['two brackets', 'a[1-9999]b[1-9999]'],
    ['many brackets', `n${'[0-999]'.repeat(120)}`],
    ['behind good elements', 'ok[1-9],n[1-999999999]'],
    ['many ranges', `n[${'1-99999,'.repeat(10_000)}1]`],
    ['many elements', 'n[1-99999],'.repeat(10_000)],
  ]);
  for (const [name, text] of bombs) {
    test(`refuses an expansion bomb of ${name} without expanding it`, () => {
      const before = performance.now();
      const error = errorOf(text);
      const spentMs = performance.now() - before;
      expect(error.message).toMatch(/at most 262144 are expanded/);
      // Far above what it takes on any machine, however busy: to expand these would take hours, or all memory.
      expect(spentMs).toBeLessThan(2_000);
    });
  }

  test('refuses a bomb in microseconds', () => {
    const times: number[] = [];
    for (let round = 0; round < 200; round += 1) {
      const before = performance.now();
      errorOf('n[1-999999999]');
      times.push(performance.now() - before);
    }
    times.sort((a, b) => a - b);
    // The quickest tells what the work is; the others tell how busy the machine is.
    expect(times[0]).toBeLessThan(0.1);
  });

  test('takes exactly the limit and not one more', () => {
    expect(parseHostlist('n[1-5],m[1-5]', { limit: 10 }).kind).toBe('ok');
    const over = parseHostlist('n[1-5],m[1-6]', { limit: 10 });
    expect(over).toMatchObject({
      kind: 'error',
      error: { column: 8, message: expect.stringContaining('11 nodes') },
    });
    expect(namesOf(`n[1-${String(hostlistLimit)}]`)).toHaveLength(hostlistLimit);
    expect(errorOf(`n[0-${String(hostlistLimit)}]`).column).toBe(1);
  });

  test('an element that does not fit fails alone', () => {
    const result = parseHostlistElements('n[1-5],m[1-6],o[1-5],p', { limit: 10 });
    expect(result.nodes).toEqual([...namesOf('n[1-5]'), ...namesOf('o[1-5]')]);
    expect(result.errors.map((bad) => bad.element)).toEqual(['m[1-6]', 'p']);
    expect(result.errors[0]?.error.column).toBe(8);
  });
});

describe('parseHostlistElements', () => {
  test('gives the nodes of the good elements and an error for each bad one', () => {
    const result = parseHostlistElements('a[1-2],b[3-1],c,d[x]');
    expect(result.nodes).toEqual(['a1', 'a2', 'c']);
    expect(result.errors).toEqual([
      {
        element: 'b[3-1]',
        error: { message: 'the range 3-1 runs backwards', column: 10, hint: 'write 1-3' },
      },
      { element: 'd[x]', error: expect.objectContaining({ column: 19 }) },
    ]);
  });

  test('takes all the rest for bad behind a bracket that is never closed', () => {
    const result = parseHostlistElements('a,b[1-2,c[3-4],d');
    expect(result.nodes).toEqual(['a']);
    expect(result.errors.map((bad) => bad.element)).toEqual(['b[1-2,c[3-4],d']);
  });

  test('goes on behind a stray closing bracket and behind nested ones', () => {
    const result = parseHostlistElements('a],b[[1,2]],c');
    expect(result.nodes).toEqual(['c']);
    expect(result.errors.map((bad) => bad.element)).toEqual(['a]', 'b[[1,2]]']);
  });

  test('agrees with parseHostlist on every text', () => {
    fc.assert(
      fc.property(hostlistLike(), (text) => {
        const whole = parseHostlist(text, { limit: 5_000 });
        const parts = parseHostlistElements(text, { limit: 5_000 });
        if (whole.kind === 'ok') expect(parts).toEqual({ nodes: whole.nodes, errors: [] });
        else expect(parts.errors[0]?.error).toEqual(whole.error);
      }),
      { numRuns: 1_000 },
    );
  });

  test('changes nothing about an element by what stands beside it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a[1-2]', 'b', 'c[3-1]', 'd]', 'e[]', 'f[01-03]x')),
        (elements) => {
          const together = parseHostlistElements(elements.join(','));
          const apart = elements.map((element) => parseHostlistElements(element));
          expect(together.nodes).toEqual(apart.flatMap((result) => result.nodes));
          expect(together.errors.map((bad) => bad.error.message)).toEqual(
            apart.flatMap((result) => result.errors.map((bad) => bad.error.message)),
          );
        },
      ),
    );
  });
});

describe('whatever the text', () => {
  test('never throws, never exceeds the limit, and points into the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), hostlistLike()),
        fc.nat(50),
        (text, limit) => {
          const result = parseHostlist(text, { limit });
          if (result.kind === 'ok') {
            expect(result.nodes.length).toBeLessThanOrEqual(limit);
            expect(
              result.nodes.filter((node) => node === '' || /[[\],\p{Cc} ]/u.test(node)),
            ).toEqual([]);
            return;
          }
          expect(result.error.column).toBeGreaterThanOrEqual(1);
          expect(result.error.column).toBeLessThanOrEqual(text.length + 1);
          expect(result.error.hint).not.toBe('');
        },
      ),
      { numRuns: 2_000 },
    );
  });

  const long = new Map<string, string>([
    ['opening brackets', '['.repeat(100_000)],
    ['closing brackets', ']'.repeat(100_000)],
    ['elements between spaces', 'n[1] '.repeat(20_000)],
    ['brackets in one name', 'n[1]'.repeat(25_000)],
    ['bad elements', 'n[1-],'.repeat(20_000)],
    ['numbers in one bracket', `n[${'1,'.repeat(50_000)}1]`],
    ['separators', ' ,'.repeat(50_000)],
    ['zeros', `n[${'0'.repeat(100_000)}-1]`],
  ]);
  for (const [name, text] of long) {
    test(`takes linear time on a hundred kilobytes of ${name}`, () => {
      const before = performance.now();
      const { nodes, errors } = parseHostlistElements(text);
      // Quadratic work on these takes minutes.
      expect(performance.now() - before).toBeLessThan(5_000);
      expect(nodes.length + errors.length).toBeLessThanOrEqual(text.length / 2);
    });
  }
});

/** Texts made of what hostlists are made of, most of them wrong somewhere. */
function hostlistLike(): fc.Arbitrary<string> {
  const piece = fc.constantFrom(
    'n',
    'a1',
    '[',
    ']',
    '[1-3]',
    '[01-12]',
    '-',
    ',',
    ' ',
    '0',
    '7',
    '12',
    '9999999',
  );
  return fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
}
