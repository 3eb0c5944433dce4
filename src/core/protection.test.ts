import { describe, expect, test } from 'vitest';
import { consoleTail } from './protection.ts';

describe('the end of a console', () => {
  test('is its last forty lines, whatever ends them', () => {
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`);
    for (const end of ['\n', '\r\n', '\r']) {
      const tail = consoleTail(`${lines.join(end)}${end}${end}`).split('\n');
      expect(tail).toHaveLength(40);
      expect(tail.at(0)).toBe('line 60');
      expect(tail.at(-1)).toBe('line 99');
    }
  });

  test('has nothing that steers a terminal, and no endless line', () => {
    expect(consoleTail('\u001B[31mpanic\u001B[0m:\tno\u0007 root\u001B]0;x\u0007\n')).toBe(
      'panic: no root0;x',
    );
    const long = consoleTail('x'.repeat(500));
    expect(long).toHaveLength(200);
    expect(long).toMatch(/x\.\.\.$/);
  });

  test('is nothing where there is nothing', () => {
    expect(consoleTail('')).toBe('');
    expect(consoleTail(' \r\n\r\n')).toBe('');
  });
});
