/** `muster node script` and `user-data` as a person calls them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const launcher = fileURLToPath(new URL('../../bin/muster', import.meta.url));
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-node-command-'));
  writeFileSync(
    join(dir, 'muster.yaml'),
    `cluster_name: demo\nregion: us-east-2\nstate_dir: ${dir}/state\n`,
  );
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function muster(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(launcher, ['node', ...args]);
  return { status, stdout: String(stdout), stderr: String(stderr) };
}

const userData = (...args: string[]) =>
  muster('user-data', '--config', join(dir, 'muster.yaml'), ...args);

function environmentOf(text: string): string {
  const { write_files } = parse(text) as { write_files: { path: string; content: string }[] };
  return write_files.find(({ path }) => path === '/etc/muster/node.env')?.content ?? '';
}

test('the script is the one that the package has, and needs no configuration', () => {
  const program = new URL('../../node/muster-node', import.meta.url);
  expect(muster('script')).toEqual({
    status: 0,
    stdout: readFileSync(program, 'utf8'),
    stderr: '',
  });
});

describe('the user data', () => {
  test('names the head node, its registry and the time', () => {
    const { status, stdout } = userData('--head-node', 'head', '--gone-after', '90s');
    expect(status).toBe(0);
    expect(environmentOf(stdout)).toBe(
      `MUSTER_REGISTRY_SOURCE="head:${dir}/state/registry"\nMUSTER_GONE_AFTER="90"\nSLURMD_OPTIONS="--conf-server head"\n`,
    );
  });

  test('takes a registry and options for slurmd from elsewhere', () => {
    const { stdout } = userData(
      '--registry',
      'files:/muster',
      '--slurmd-options',
      '-f /etc/s.conf',
    );
    expect(environmentOf(stdout)).toBe(
      'MUSTER_REGISTRY_SOURCE="files:/muster"\nMUSTER_GONE_AFTER="600"\nSLURMD_OPTIONS="-f /etc/s.conf"\n',
    );
  });

  test.each([
    [['--gone-after', '10'], '--gone-after is "10"; write a number and its unit'],
    [['--registry', '/var/lib/muster'], 'HOST:/PATH'],
    [['--head-node', 'a b'], '--head-node is "a b"; write the head node\'s name or address'],
    [['--head-node', ''], '--head-node is ""'],
    [['--slurmd-options', '"'], 'no quotes'],
  ])('%o is refused', (args, why) => {
    const { status, stdout, stderr } = userData(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(why);
    expect(stderr).toContain('nothing was written');
  });
});
