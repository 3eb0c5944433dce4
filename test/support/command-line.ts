/** muster as a person calls it, as processes, in a folder of its own: with a Slurm of scripts, an AWS that is nobody, and a daemon. */
import {
  spawn,
  spawnSync,
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
} from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach } from 'vitest';

const launcher = fileURLToPath(new URL('../../bin/muster', import.meta.url));

/** AWS is nobody, at once. */
const env = {
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
};

export interface CommandLine {
  /** muster.yaml and Slurm's programs are here; `state` and `log` will be. */
  dir: string;
  /** Null: none was started. */
  daemon: ChildProcess | null;
  readonly run: (...args: string[]) => { status: number | null; stdout: string; stderr: string };
  /** One that goes on while the test looks at it. */
  readonly start: (...args: string[]) => ChildProcessWithoutNullStreams;
  /** Until it is ready. Rejects where it ends before. */
  readonly startDaemon: () => Promise<void>;
}

/** One for each test of the file. `programs`: of Slurm, all of which run `script`; `lines`: more of muster.yaml. */
export function useCommandLine(
  programs: readonly string[],
  script = '#!/bin/sh\n',
  lines: readonly string[] = [],
): CommandLine {
  const withConfig = (args: string[]): string[] => [
    ...args,
    '--config',
    join(line.dir, 'muster.yaml'),
  ];
  const line: CommandLine = {
    dir: '',
    daemon: null,
    start: (...args) => spawn(launcher, withConfig(args), { env }),
    run(...args) {
      const { status, stdout, stderr } = spawnSync(launcher, withConfig(args), { env });
      return { status, stdout: String(stdout), stderr: String(stderr) };
    },
    async startDaemon() {
      const started = line.start('daemon');
      line.daemon = started;
      await new Promise<void>((resolve, reject) => {
        let said = '';
        started.stdout.on('data', (data) => {
          said += String(data);
          if (said.includes('muster: ready')) resolve();
        });
        started.stderr.on('data', (data) => (said += String(data)));
        started.once('exit', () => reject(new Error(`the daemon ended: ${said}`)));
      });
    },
  };

  beforeEach(() => {
    line.daemon = null;
    line.dir = mkdtempSync(join(tmpdir(), 'muster-cli-'));
    const { dir } = line;
    for (const name of programs) writeFileSync(join(dir, name), script, { mode: 0o755 });
    const yaml = [
      'cluster_name: demo',
      'region: us-east-2',
      `slurm: { scontrol: '${dir}/scontrol' }`,
      `state_dir: '${dir}/state'`,
      `log_dir: '${dir}/log'`,
      ...lines,
    ];
    writeFileSync(join(dir, 'muster.yaml'), `${yaml.join('\n')}\n`);
  });

  afterEach(async () => {
    const { daemon } = line;
    if (daemon !== null && daemon.exitCode === null && daemon.signalCode === null) {
      const exit = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      await exit;
    }
    rmSync(line.dir, { recursive: true, force: true });
  });

  return line;
}
