import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { formatProblem, loadConfig } from './config.ts';
import { hookWarnings, lookAround } from './surroundings.ts';
import { createTestFiles } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

let files: TestFiles;
beforeAll(() => {
  files = createTestFiles();
  chmodSync(files.write('bin/scontrol', '#!/bin/sh\n'), 0o755);
  files.write('bin/not-scontrol', 'text');
  files.write('slurm.conf', '');
  files.write('folder/file', '');
});
afterAll(() => {
  files.remove();
});

/** `DIR` stands for the folder of the files. */
function seen(text: string, env: Record<string, string> = {}, look = lookAround): string[] {
  const path = files.write('muster.yaml', text.replaceAll('DIR', files.directory));
  const result = loadConfig({ path, env });
  if (result.kind === 'refused') throw new Error(result.errors.map(formatProblem).join('\n'));
  const lines = look(result).map(formatProblem);
  return lines.map((line) => line.replaceAll(files.directory, 'DIR'));
}

const hooks = 'Slurm starts the hooks with an almost empty environment';

describe('what the machine has of a configuration', () => {
  test('is no news where all is in its place', () => {
    expect(
      seen('slurm: { scontrol: DIR/bin/scontrol, slurm_conf: DIR/slurm.conf }\nlog_dir: DIR\n'),
    ).toEqual([]);
    expect(seen('log_dir: DIR/log\n')).toEqual([]);
  });

  const odd = new Map([
    [
      'slurm: { scontrol: /nonexistent/scontrol, slurm_conf: /nope }\n',
      [
        'DIR/muster.yaml:1:10: warning: `slurm.scontrol`: /nonexistent/scontrol is no program here',
        'DIR/muster.yaml:1:43: warning: `slurm.slurm_conf`: there is no /nope here',
      ],
    ],
    [
      'slurm: { scontrol: DIR/bin/not-scontrol }\n',
      ['DIR/muster.yaml:1:10: warning: `slurm.scontrol`: DIR/bin/not-scontrol is no program here'],
    ],
    [
      'slurm: { scontrol: DIR/bin }\n',
      ['DIR/muster.yaml:1:10: warning: `slurm.scontrol`: DIR/bin is no program here'],
    ],
    [
      'log_dir: DIR/folder/file\n',
      ['DIR/muster.yaml:1:1: warning: `log_dir`: DIR/folder/file is no folder'],
    ],
    [
      'state_dir: DIR/nowhere/state\n',
      [
        'DIR/muster.yaml:1:1: warning: `state_dir`: there is no folder DIR/nowhere here to make it in',
        expect.stringContaining(hooks) as string,
      ],
    ],
  ]);
  for (const [text, want] of odd) {
    test(`is told: ${text.trim()}`, () => {
      expect(seen(text)).toEqual(want);
    });
  }

  test('is told of the environment where that names it', () => {
    expect(seen('cluster_name: demo\n', { MUSTER_LOG_DIR: '/dev/null' })).toEqual([
      'environment: warning: `log_dir`: /dev/null is no folder',
    ]);
  });
});

describe('another state folder than the usual one', () => {
  test('is one that the hooks have to be told of', () => {
    const [warning = '', ...others] = seen('state_dir: /srv/m\n', {}, hookWarnings);
    expect(others).toEqual([]);
    expect(warning).toMatch(/^DIR\/muster\.yaml:1:1: warning: `state_dir`: Slurm starts the hooks/);
    expect(warning).toContain('they put their requests into /var/lib/muster');
    expect(warning).toContain('sets MUSTER_STATE_DIR=/srv/m');
  });

  test('may be of the environment', () => {
    const env = { MUSTER_STATE_DIR: '/srv/m' };
    expect(seen('cluster_name: demo\n', env, hookWarnings)).toEqual([
      expect.stringMatching(/^environment: warning: `state_dir`: /),
    ]);
  });

  test('is not the usual one, however it is said', () => {
    expect(seen('state_dir: /var/lib/muster\n', {}, hookWarnings)).toEqual([]);
  });
});
