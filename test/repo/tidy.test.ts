/** What lint cannot say: documents that keep step with the code, and files that somebody needs. */
import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { reasonCodes } from '../../src/core/reasons.ts';
import { scenarios } from '../../src/lab/scenarios/index.ts';
import { files, fragmentsOf, importsOf, reachableFrom, root, textOf } from './tree.ts';

const sources = files.filter((path) => /^src\/.*\.ts$/.test(path));
const production = sources.filter((path) => !path.endsWith('.test.ts'));
const documents = files.filter((path) => path.endsWith('.md'));

const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };

/** The files of src/ that only tests import, wherever those stand. */
const testHelper = /(^|\/)(testing\/|test-)/;
/** Helpers, and the models: what the command line does not use of them serves the tests. */
const forTests = /(^|\/)(testing\/|test-)|^src\/sim\//;

describe('source files', () => {
  test('there are some', () => {
    expect(production.length).toBeGreaterThan(50);
  });

  test('each says what it is before it begins', () => {
    const silent = production.filter((path) => {
      const code = textOf(path).replace(/^(?:\s*import\b[^;]*;)+/, '');
      return !/^\s*(?:\/\*\*|\/\/)/.test(code);
    });
    expect(silent).toEqual([]);
  });

  test('each is reached from the command line, or by a test where it serves tests', () => {
    const used = reachableFrom(['src/bin/muster.ts']);
    const tests = files.filter((path) => /^(test|bench)\/.*\.ts$|\.test\.ts$/.test(path));
    const tested = reachableFrom(tests);
    const dead = production.filter(
      (path) => !used.has(path) && !(forTests.test(path) && tested.has(path)),
    );
    expect(dead).toEqual([]);
  });

  test('no test helper is part of the program', () => {
    const used = reachableFrom(['src/bin/muster.ts']);
    expect([...used].filter((path) => testHelper.test(path))).toEqual([]);
  });

  test('each import leads to a file', () => {
    const lost = files
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => importsOf(path).map((target) => `${path} -> ${target}`))
      .filter((edge) => !existsSync(join(root, edge.split(' -> ')[1] ?? '')));
    expect(lost).toEqual([]);
  });
});

test('nothing is left to be done later', () => {
  const words = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|XXX)\\b`);
  const own = /^(test\/(repo|fixtures)\/|package-lock)/;
  const left = files.filter((path) => !own.test(path) && words.test(textOf(path)));
  expect(left).toEqual([]);
});

test('nothing names the machine that it was written on', () => {
  const places = /\/work\/|\/home\/[a-z]|\/root\/(?!\.)/;
  const own = /^(test\/repo\/|package-lock)/;
  const found = files.filter((path) => !own.test(path) && places.test(textOf(path)));
  expect(found).toEqual([]);
});

describe('documents', () => {
  test.each(Object.keys(reasonCodes))('docs/reasons.md explains %s', (code) => {
    expect(textOf('docs/reasons.md')).toContain(`\`${code}\``);
  });

  test('docs/reasons.md explains every EC2 code of the verdict table', () => {
    const table = textOf('src/core/verdict.ts');
    const codes = [...table.matchAll(/^ {2}(?:\['([A-Z]\w+)'|([A-Z]\w+)): '/gm)].map(
      ([, prefix, code]) => prefix ?? code ?? '',
    );
    const prefixes = [...table.matchAll(/^ {2}\['(\w+)', '/gm)].map(([, prefix = '']) => prefix);
    expect(codes.length).toBeGreaterThan(20);
    expect(prefixes.length).toBeGreaterThan(3);
    const page = textOf('docs/reasons.md');
    expect([...codes, ...prefixes].filter((code) => !page.includes(`\`${code}`))).toEqual([]);
  });

  test('docs/configuration.md explains every key of muster.yaml and of slurm_resume.conf', () => {
    const yaml = textOf('src/config/muster-yaml.ts');
    const [launchKeys = ''] = textOf('src/config/launch-keys.ts').split('const level');
    const schema = `${yaml.slice(yaml.indexOf('const schema'))}${launchKeys}`;
    const yamlKeys = [...schema.matchAll(/^ {2}([a-z_]+):/gm)].map(([, key = '']) => key);
    const confKeys = [
      ...textOf('src/config/resume-conf.ts').matchAll(/^ {2}\['([a-z0-9_]+)', \{/gm),
    ];
    const nested = `${schema}${textOf('src/config/muster-yaml-queues.ts')}`;
    const nestedKeys = [...nested.matchAll(/^ +([a-z_]+): .*\.optional\(\),$/gm)];
    const keys = [...yamlKeys, ...[...confKeys, ...nestedKeys].map(([, key = '']) => key)];
    expect(yamlKeys).toContain('launch_patience');
    expect(keys).toContain('instance_type');
    expect(keys).toContain('all_or_nothing_batch');
    const page = textOf('docs/configuration.md');
    expect(keys.filter((key) => !page.includes(`\`${key}\``))).toEqual([]);
  });

  test('docs/lab.md tells every scenario', () => {
    const page = textOf('docs/lab.md');
    const untold = scenarios.filter(({ name }) => !page.includes(`\`${name}\``));
    expect(untold).toEqual([]);
  });

  test('docs/adr/README.md lists every decision, and no other', () => {
    const records = files.filter((path) => /^docs\/adr\/\d{4}-[a-z0-9-]+\.md$/.test(path));
    const index = textOf('docs/adr/README.md');
    const listed = [...index.matchAll(/\]\((\d{4}-[a-z0-9-]+\.md)\)/g)].map(
      ([, name = '']) => `docs/adr/${name}`,
    );
    expect(records.length).toBeGreaterThan(0);
    expect(listed).toEqual(records);
  });

  test('ARCHITECTURE.md names every folder of src/', () => {
    const folders = new Set(sources.map((path) => path.split('/')[1]));
    const map = textOf('ARCHITECTURE.md');
    expect([...folders].filter((folder) => !map.includes(`src/${folder}/`))).toEqual([]);
  });

  test.each(documents)('%s: its links lead somewhere', (path) => {
    const links = textOf(path).matchAll(/\]\((?!https?:|mailto:)([^)\s]*)\)/g);
    const broken = [...links].filter(([, link = '']) => {
      const [file = '', fragment = ''] = link.split('#');
      const target = file === '' ? path : posix.normalize(posix.join(posix.dirname(path), file));
      if (!existsSync(join(root, target))) return true;
      return fragment !== '' && !fragmentsOf(textOf(target)).includes(fragment);
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  test('docs/guarantees.md names tests that exist', () => {
    const page = textOf('docs/guarantees.md');
    const named = [...page.matchAll(/\[([^\]]+)\]\(\.\.\/((?:src|test)\/[^)]+\.test\.ts)\)/g)];
    expect(named.length).toBeGreaterThan(10);
    const lost = named.filter(([, name = '', path = '']) => !textOf(path).includes(name));
    expect(lost.map(([, name]) => name)).toEqual([]);
  });

  test.each(documents)('%s: its npm commands exist', (path) => {
    const commands = [...textOf(path).matchAll(/\bnpm run ([a-z:]+)/g)].map(
      ([, name = '']) => name,
    );
    expect(commands.filter((name) => !(name in scripts))).toEqual([]);
  });

  test.each(documents)('%s: the files that it names in code marks exist', (path) => {
    const named = textOf(path).matchAll(
      /`((?:src|test|hooks|node|docs|bench|lint|bin|\.ci)\/[\w./-]+)`/g,
    );
    const lost = [...named]
      .map(([, name = '']) => name)
      .filter((name) => !existsSync(join(root, name)));
    expect(lost).toEqual([]);
  });
});

test('the scripts of package.json start what is there', () => {
  const started = Object.values(scripts).flatMap(
    (script) => script.match(/\S+\.ts\b|bin\/\S+/g) ?? [],
  );
  expect(started.length).toBeGreaterThan(0);
  expect(started.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
