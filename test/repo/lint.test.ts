/**
 * Lint is tested by what it finds: one run of the real oxlint with the real configuration over small files, each in the
 * folder whose rules it breaks or keeps.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { folderOf, folderRules } from '../../lint/folders.ts';

const root = join(import.meta.dirname, '../..');

interface Case {
  readonly path: string;
  readonly text: string;
  /** The rules that must speak, no others. */
  readonly want: readonly string[];
}

const folders = 'muster(folder-rules)';
const globals = 'eslint(no-restricted-globals)';
const properties = 'eslint(no-restricted-properties)';

function importing(specifier: string): string {
  return `import { x } from '${specifier}';\nexport const y: unknown = x;\n`;
}

const cases = new Map<string, Case>([
  ['core may import core', { path: 'src/core/a.ts', text: importing('./x.ts'), want: [] }],
  [
    'core may not import a port',
    { path: 'src/core/b.ts', text: importing('../ports/x.ts'), want: [folders] },
  ],
  [
    "core may not import Node's modules",
    { path: 'src/core/c.ts', text: importing('node:fs'), want: [folders] },
  ],
  [
    'core may not import a package',
    { path: 'src/core/d.ts', text: importing('zod'), want: [folders] },
  ],
  ['ports may import core', { path: 'src/ports/a.ts', text: importing('../core/x.ts'), want: [] }],
  [
    'ports may not import an adapter',
    { path: 'src/ports/b.ts', text: importing('../adapters/ec2/x.ts'), want: [folders] },
  ],
  [
    'config may import core and yaml',
    {
      path: 'src/config/a.ts',
      text: importing('../core/x.ts') + "export { parse } from 'yaml';\n",
      want: [],
    },
  ],
  [
    'config may not import ports',
    { path: 'src/config/b.ts', text: importing('../ports/x.ts'), want: [folders] },
  ],
  [
    'wire may not import config',
    { path: 'src/wire/b.ts', text: importing('../config/x.ts'), want: [folders] },
  ],
  [
    'sim may import the controller',
    { path: 'src/sim/ec2/a.ts', text: importing('../../controller/x.ts'), want: [] },
  ],
  [
    'sim may import its other model',
    { path: 'src/sim/ec2/a2.ts', text: importing('../slurm/x.ts'), want: [] },
  ],
  [
    'sim may not import ec2sim',
    { path: 'src/sim/ec2/b.ts', text: importing('../../ec2sim/x.ts'), want: [folders] },
  ],
  [
    'the controller may not import an adapter',
    { path: 'src/controller/b.ts', text: importing('../adapters/slurm/x.ts'), want: [folders] },
  ],
  [
    'an adapter may import ports',
    { path: 'src/adapters/slurm/a.ts', text: importing('../../ports/x.ts'), want: [] },
  ],
  [
    'an adapter may not import another',
    { path: 'src/adapters/slurm/b.ts', text: importing('../ledger/x.ts'), want: [folders] },
  ],
  [
    'the EC2 adapter may import the AWS SDK',
    { path: 'src/adapters/ec2/a.ts', text: importing('@aws-sdk/client-ec2'), want: [] },
  ],
  [
    'no other adapter may',
    { path: 'src/adapters/registry/b.ts', text: importing('@aws-sdk/client-ec2'), want: [folders] },
  ],
  [
    'not even bin may import the AWS SDK',
    { path: 'src/bin/b.ts', text: importing('@aws-sdk/client-ec2'), want: [folders] },
  ],
  [
    'ec2sim may import sim',
    { path: 'src/ec2sim/a.ts', text: importing('../sim/ec2/x.ts'), want: [] },
  ],
  [
    'ec2sim may not import the lab',
    { path: 'src/ec2sim/b.ts', text: importing('../lab/x.ts'), want: [folders] },
  ],
  [
    'the lab may not import ec2sim',
    { path: 'src/lab/scenarios/b.ts', text: importing('../../ec2sim/x.ts'), want: [folders] },
  ],
  [
    'the command line may not import the controller',
    { path: 'src/cli/b.ts', text: importing('../controller/x.ts'), want: [folders] },
  ],
  ['bin may import anything', { path: 'src/bin/a.ts', text: importing('../lab/x.ts'), want: [] }],
  [
    'nothing imports bin',
    { path: 'src/cli/c.ts', text: importing('../bin/x.ts'), want: [folders] },
  ],
  [
    'a lazy import is an import',
    {
      path: 'src/cli/d.ts',
      text: "export const load = (): Promise<unknown> => import('../bin/x.ts');\n",
      want: [folders],
    },
  ],
  [
    'a re-export is an import',
    { path: 'src/cli/e.ts', text: "export { x } from '../bin/x.ts';\n", want: [folders] },
  ],
  [
    'the import of a type is an import',
    { path: 'src/cli/f.ts', text: "export type { X } from '../bin/x.ts';\n", want: [folders] },
  ],
  [
    'a folder that nobody has listed may import nothing',
    { path: 'src/stray/a.ts', text: importing('../core/x.ts'), want: [folders] },
  ],
  [
    'src imports nothing from outside of src',
    { path: 'src/lab/c.ts', text: importing('../../test/x.ts'), want: [folders] },
  ],

  [
    'core has no clock',
    { path: 'src/core/e.ts', text: 'export const at = Date.now();\n', want: [properties] },
  ],
  [
    'core has no clock by the other way',
    { path: 'src/core/f.ts', text: 'export const at = new Date();\n', want: ['muster(no-clock)'] },
  ],
  [
    'core may write a moment that it was given',
    { path: 'src/core/g.ts', text: 'export const at = new Date(0).toISOString();\n', want: [] },
  ],
  [
    'core has no dice',
    { path: 'src/core/h.ts', text: 'export const dice = Math.random();\n', want: [properties] },
  ],
  [
    'core has no environment',
    { path: 'src/core/i.ts', text: "export const home = process.env['HOME'];\n", want: [globals] },
  ],
  [
    'core has no timers',
    { path: 'src/core/j.ts', text: 'setTimeout(() => undefined, 1);\n', want: [globals] },
  ],
  [
    'sim has no clock',
    { path: 'src/sim/c.ts', text: 'export const at = Date.now();\n', want: [properties] },
  ],
  [
    'sim has no timers',
    { path: 'src/sim/d.ts', text: 'setInterval(() => undefined, 1);\n', want: [globals] },
  ],
  [
    'elsewhere the clock may be read',
    { path: 'src/adapters/system/a.ts', text: 'export const at = Date.now();\n', want: [] },
  ],

  [
    'no shell option',
    {
      path: 'src/lab/d.ts',
      text: "import { spawn } from 'node:child_process';\nexport const child = spawn('true', { shell: true });\n",
      want: ['muster(no-shell)'],
    },
  ],
  [
    'no shell option by shorthand',
    {
      path: 'src/lab/e.ts',
      text: 'const shell = true;\nexport const options = { shell };\n',
      want: ['muster(no-shell)'],
    },
  ],
  [
    'no exec',
    {
      path: 'src/lab/f.ts',
      text: "import { exec } from 'node:child_process';\nexport const child = exec('true');\n",
      want: ['muster(no-shell)'],
    },
  ],
  [
    'execFile is right',
    {
      path: 'src/lab/g.ts',
      text: "import { execFile } from 'node:child_process';\nexport const child = execFile('/bin/true', ['a']);\n",
      want: [],
    },
  ],
  [
    'a type may be named so',
    {
      path: 'src/lab/h.ts',
      text: 'export interface Login {\n  readonly shell: string;\n}\n',
      want: [],
    },
  ],

  [
    'no default exports',
    {
      path: 'src/lab/i.ts',
      text: 'const x = 1;\nexport default x;\n',
      want: ['import(no-default-export)'],
    },
  ],
  [
    'no promise left alone',
    {
      path: 'src/lab/j.ts',
      text: 'async function f(): Promise<void> {\n  await Promise.resolve();\n}\nf();\n',
      want: ['typescript(no-floating-promises)'],
    },
  ],
  [
    'a union is switched over in full',
    {
      path: 'src/lab/k.ts',
      text: "export function f(x: 'a' | 'b'): number {\n  switch (x) {\n    case 'a':\n      return 1;\n  }\n  return 0;\n}\n",
      want: ['typescript(switch-exhaustiveness-check)'],
    },
  ],
  [
    'no to-do',
    {
      path: 'src/lab/l.ts',
      text: '// TODO: later\nexport const x = 1;\n',
      want: ['eslint(no-warning-comments)'],
    },
  ],
  [
    'no printing from the middle',
    { path: 'src/lab/m.ts', text: "console.log('here');\n", want: ['eslint(no-console)'] },
  ],
  [
    'a long function',
    { path: 'src/lab/n.ts', text: longFunction(71), want: ['muster(function-length)'] },
  ],
  ['a function of seventy lines', { path: 'src/lab/o.ts', text: longFunction(70), want: [] }],
  [
    'a function that holds others counts its own lines',
    {
      path: 'src/lab/p.ts',
      text: `export const all = () => {\n${longFunction(60, 'const a = ')}${longFunction(60, 'const b = ')}return [a, b];\n};\n`,
      want: [],
    },
  ],
  [
    'no test that runs alone',
    {
      path: 'src/lab/q.test.ts',
      text: "import { expect, test } from 'vitest';\ntest.only('x', () => {\n  expect(1).toBe(1);\n});\n",
      want: ['vitest(no-focused-tests)'],
    },
  ],
  [
    'no test that is skipped for ever',
    {
      path: 'src/lab/r.test.ts',
      text: "import { expect, test } from 'vitest';\ntest.skip('x', () => {\n  expect(1).toBe(1);\n});\n",
      want: ['vitest(no-disabled-tests)'],
    },
  ],
  [
    'no test without an assertion',
    {
      path: 'src/lab/s.test.ts',
      text: "import { test } from 'vitest';\ntest('x', () => undefined);\n",
      want: ['vitest(expect-expect)'],
    },
  ],
  [
    'a test may import what it needs',
    { path: 'src/core/k.test.ts', text: importing('../adapters/ec2/x.ts'), want: [] },
  ],
]);

function longFunction(lines: number, before = 'export const f = '): string {
  const body = Array.from({ length: lines - 3 }, (_, index) => `  x += ${index};\n`).join('');
  return `${before}(x = 0): number => {\n${body}  return x;\n};\n`;
}

let directory = '';
const found = new Map<string, string[]>();

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-lint-'));
  for (const name of ['.oxlintrc.json', 'tsconfig.json', 'package.json', 'lint']) {
    cpSync(join(root, name), join(directory, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  for (const { path, text } of cases.values()) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  const oxlint = join(root, 'node_modules/.bin/oxlint');
  const { stdout, stderr } = spawnSync(process.execPath, [oxlint, '-f', 'json', 'src'], {
    cwd: directory,
    encoding: 'utf8',
  });
  if (!stdout.startsWith('{')) throw new Error(`oxlint said: ${stdout}${stderr}`);
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: readonly { code: string; filename: string }[];
  };
  for (const { code, filename } of diagnostics) {
    found.set(filename, [...new Set([...(found.get(filename) ?? []), code])]);
  }
}, 60_000);

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

test.each([...cases])('%s', (_, { path, want }) => {
  expect(found.get(path) ?? []).toEqual(want);
});

describe('the list of folders', () => {
  const inSrc = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const used = new Set(inSrc.filter((path) => path.endsWith('.ts')).map(folderOf));

  test('names every folder that is there', () => {
    for (const folder of used) expect(Object.keys(folderRules)).toContain(folder);
  });

  test('gives the AWS SDK to the adapters alone', () => {
    for (const [folder, { packages }] of Object.entries(folderRules)) {
      const hasSdk = packages.some((name) => name.startsWith('@aws-sdk/'));
      expect(hasSdk && !folder.startsWith('adapters/'), folder).toBe(false);
    }
  });
});
