import { chmodSync, symlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { readConfigFile } from './read-file.ts';
import { createTestFiles } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

let files: TestFiles;
beforeAll(() => {
  files = createTestFiles();
});
afterAll(() => {
  files.remove();
});

const mebibyte = 1024 * 1024;

interface Row {
  readonly make: (name: string) => string;
  readonly message: RegExp;
  readonly hint: RegExp;
}

const rows: Record<string, Row> = {
  missing: {
    make: (name) => join(files.directory, name),
    message: /^cannot be read: no such file \(ENOENT\)$/,
    hint: /^check the path; there should be a file with settings$/,
  },
  'below a file': {
    make: (name) => join(files.write(name, 'a'), 'b'),
    message: /not a directory \(ENOTDIR\)$/,
    hint: /^check the path/,
  },
  'a directory': {
    make: () => files.directory,
    message: /^cannot be read: it is a directory$/,
    hint: /^give the path of a file with settings$/,
  },
  'a pipe, which would block': {
    make: (name) => {
      const path = join(files.directory, name);
      execFileSync('mkfifo', [path]);
      return path;
    },
    message: /^cannot be read: it is not a regular file$/,
    hint: /^give the path/,
  },
  'a link to itself': {
    make: (name) => {
      const path = join(files.directory, name);
      symlinkSync(path, path);
      return path;
    },
    message: /too many symbolic links \(ELOOP\)$/,
    hint: /^give the path of a readable file/,
  },
  'a path that no system takes': {
    make: () => 'a\u0000b',
    message: /null bytes/,
    hint: /^give the path/,
  },
  binary: {
    make: (name) => files.write(name, new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0])),
    message: /^is a binary file \(it has NUL bytes\)$/,
    hint: /^give a text file with settings$/,
  },
  'in another encoding': {
    make: (name) => files.write(name, new Uint8Array([0x61, 0xe9, 0x0a])),
    message: /^is not UTF-8 text$/,
    hint: /^save it as UTF-8/,
  },
  'too large': {
    make: (name) => files.write(name, 'x'.repeat(mebibyte + 1)),
    message: /^is too large: 1048577 bytes, and at most 1048576 are read$/,
    hint: /^give the path/,
  },
};

describe('a file that cannot be read is refused with the reason and the cure: it is', () => {
  test.each(Object.entries(rows))('%s', (name, row) => {
    const path = row.make(name.replaceAll(' ', '-'));
    expect(readConfigFile(path, 'settings')).toMatchObject({
      kind: 'unreadable',
      problem: {
        file: path,
        line: null,
        column: null,
        message: expect.stringMatching(row.message),
        hint: expect.stringMatching(row.hint),
      },
    });
  });

  test('not allowed', () => {
    const path = files.write('secret', 'a');
    chmodSync(path, 0);
    // Root may read everything, so root steps down for the moment of the reading.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    const result = readConfigFile(path, 'settings');
    if (isRoot) process.seteuid?.(0);
    expect(result).toMatchObject({
      problem: {
        message: 'cannot be read: permission denied (EACCES)',
        hint: expect.stringContaining('let the user that runs muster read it'),
      },
    });
  });
});

test('a file of the largest size is read', () => {
  const path = files.write('large', 'x'.repeat(mebibyte));
  expect(readConfigFile(path, 'settings').kind).toBe('read');
});

test('a byte order mark is no part of the text', () => {
  const path = files.write('marked', '\uFEFFa: b');
  expect(readConfigFile(path, 'settings')).toMatchObject({ source: { text: 'a: b' } });
});
