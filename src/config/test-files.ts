/** Files for the tests of this folder: written to a directory of their own, and removed with it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { loadConfig } from './config.ts';
import type { Config, LoadResult } from './config.ts';
import { formatProblem } from './problem.ts';

export interface TestFiles {
  readonly directory: string;
  write(name: string, content: string | Uint8Array): string;
  remove(): void;
}

export function createTestFiles(): TestFiles {
  const directory = mkdtempSync(join(tmpdir(), 'muster-config-'));
  return {
    directory,
    write(name, content) {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      return path;
    },
    remove() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A file cut out of the seeds as it stands there. */
export function fixturePath(name: string): string {
  return join(import.meta.dirname, '../../test/fixtures/config', name);
}

export function fixture(name: string): string {
  return readFileSync(fixturePath(name), 'utf8');
}

export function loaded(result: LoadResult): Config {
  if (result.kind === 'loaded') return result.config;
  throw new Error(`refused:\n${result.errors.map(formatProblem).join('\n')}`);
}

/** Loads with an empty environment. */
export function load(path: string): LoadResult {
  return loadConfig({ path, env: {} });
}

/** A cluster file with one queue; `replace` maps text in it to other text. */
export function clusterYaml(replace: Readonly<Record<string, string>> = {}): string {
  let text = `Region: us-east-2
Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: queue1
      Networking:
        SubnetIds:
          - subnet-12345678
      ComputeResources:
        - Name: c5xlarge
          InstanceType: c5.xlarge
          MinCount: 0
          MaxCount: 8
`;
  for (const [from, to] of Object.entries(replace)) {
    if (!text.includes(from)) throw new Error(`the cluster file of the tests has no ${from}`);
    text = text.replace(from, to);
  }
  return text;
}
