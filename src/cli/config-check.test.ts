import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadConfig } from '../config/config.ts';
import type { LoadResult } from '../config/config.ts';
import { renderConfigCheck, renderSlurmConf } from './config-check.ts';

const fixtures = join(import.meta.dirname, '../../test/fixtures/config');
const programs = { resume: '/h/resume', suspend: '/h/suspend', resumeFail: '/h/resume-fail' };

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-check-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function load(path: string): LoadResult {
  return loadConfig({ path, env: {} });
}

function loadText(name: string, text: string): LoadResult {
  const path = join(directory, name);
  writeFileSync(path, text);
  return load(path);
}

function check(result: LoadResult): { lines: string[]; exitCode: number } {
  const { text, exitCode } = renderConfigCheck(result, { json: false });
  expect(text.endsWith('\n')).toBe(true);
  return { lines: text.trimEnd().split('\n'), exitCode };
}

describe('muster config check', () => {
  test("shows the page's configuration as it was understood, after the warnings", () => {
    const { lines, exitCode } = check(load(join(fixtures, 'wiki-2020.conf')));
    expect(exitCode).toBe(0);
    expect(lines.slice(0, 3)).toEqual([
      expect.stringMatching(/wiki-2020\.conf:13:2: warning: back quotes/),
      expect.stringMatching(/wiki-2020\.conf:6:1: note: read, but without effect/),
      expect.stringMatching(/wiki-2020\.conf:13:2: note: mode node-list/),
    ]);
    expect(lines.slice(3)).toEqual([
      'The configuration is usable.',
      expect.stringMatching(/^ {2}read +\S+wiki-2020\.conf$/),
      '  cluster       demo in us-east-2',
      '  mode          node-list: nodes are launched in batches, whatever jobs they are for',
      '  batches       at most 100 instances a launch, each whole or not at all; 1000 a termination',
      '  node address  set when launched',
      "  launch calls  5 at once, then 2 a second (EC2's limit)",
      "  instances     1000 at once, then 2 a second (EC2's limit)",
      '  patience      5m when EC2 throttles or does not answer',
      '  gangs         wait 1m for their next nodes, and try a rung for 2m',
      "  deadline      1m before Slurm's ResumeTimeout; a boot takes up to 5m",
      '  retries       1m to 15m apart; a job is held after 50 tries or 24h',
      '  memory        a refusal counts for 2m, a success for 1h',
      '  reservations  are made for Linux/UNIX',
      '  limits        none',
      '  protection    a queue is set inactive after 10 failed boots in a row',
      '  state         /var/lib/muster',
      '  socket        /run/muster',
      '  log           /var/log/parallelcluster',
      '  fleet         not described by a cluster file: node names are taken at their word',
    ]);
  });

  test("shows the post's fleet", () => {
    const { lines, exitCode } = check(load(join(fixtures, 'blog-2022.yaml')));
    expect(exitCode).toBe(0);
    expect(lines).toContain(
      '  mode          job: each job gets all of its nodes or none (all-or-nothing)',
    );
    expect(lines.slice(-2)).toEqual([
      '  queue queue1  on-demand',
      '    queue1-c6i32xlarge: 0 static and 200 dynamic nodes of c6i.32xlarge, by launch template blog-2022-queue1-queue1-c6i32xlarge $Latest',
    ]);
  });

  test('shows what else was chosen', () => {
    writeFileSync(
      join(directory, 'c.yaml'),
      `Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: q
      CapacityType: SPOT
      Networking: { SubnetIds: [subnet-1] }
      ComputeResources: [{ Name: a, Instances: [{ InstanceType: c5.large }, { InstanceType: c6i.large }], MinCount: 1 }]
`,
    );
    const result = loadText(
      'muster.yaml',
      `cluster_config: c.yaml
cluster_name: demo
region: us-east-2
mode: node-list
update_node_address: false
slurm: { scontrol: /x/scontrol, slurm_conf: /x/slurm.conf }
launch: { from: instance-type, image_id: ami-12345678 }
`,
    );
    const { lines } = check(result);
    expect(lines).toEqual(
      expect.arrayContaining([
        '  batches       at most 500 instances a launch, each as far as EC2 has room; 1000 a termination',
        '  node address  left as Slurm has it',
        '  scontrol      /x/scontrol',
        '  slurm.conf    /x/slurm.conf',
        '  queue q       spot',
        '    a: 1 static and 9 dynamic nodes of c5.large or c6i.large, by instance type c5.large in subnet-1',
        '      1  c5.large   subnet-1  spot',
        '      2  c6i.large  subnet-1  spot',
      ]),
    );
    const effort = loadText('effort.yaml', 'cluster_name: d\nscaling_strategy: best-effort\n');
    expect(check(effort).lines).toContain(
      '  mode          job: each job gets what EC2 gives (best-effort)',
    );
  });

  test('shows the ladders in columns, each once, and the policies that are not the usual ones', () => {
    writeFileSync(
      join(directory, 'fleet.yaml'),
      `Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: gpu
      Networking: { SubnetIds: [subnet-1] }
      ComputeResources:
        - { Name: p4d, InstanceType: p4d.24xlarge }
        - { Name: p5, InstanceType: p5.48xlarge }
        - { Name: p6, InstanceType: p6.48xlarge }
    - { Name: cpu, Networking: { SubnetIds: [subnet-1] }, ComputeResources: [{ Name: a, InstanceType: c5.large }] }
    - { Name: usual-and-long-name, Networking: { SubnetIds: [subnet-1] }, ComputeResources: [{ Name: a, InstanceType: c5.large }] }
`,
    );
    const { lines } = check(
      loadText(
        'ladders.yaml',
        `cluster_config: fleet.yaml
cluster_name: d
region: us-east-2
resume_timeout: 30m
queues:
  gpu:
    strategy: launch
    spread: true
    greedy: false
    spares: 2
    ladder:
      - { subnet: subnet-0123456789 }
      - { market: capacity-block, reservation: cr-1, instance_type: p5e.48xlarge }
    compute_resources:
      p5: { ladder: [{ market: spot }] }
  cpu: { spares: 1 }
  usual-and-long-name: { strategy: reserve, spread: false, greedy: true, spares: 0 }
`,
      ),
    );
    const first = lines.findIndex((line) => line.startsWith('  queue gpu'));
    expect(lines.slice(first)).toEqual([
      '  queue gpu     on-demand; launched without reserving first; spread over zones; later jobs wait for earlier ones (not greedy); 2 spares a gang',
      '    p4d: 0 static and 10 dynamic nodes of p4d.24xlarge, by launch template d-gpu-p4d $Latest',
      "      1  the template's type  subnet-0123456789      on-demand",
      "      2  p5e.48xlarge         the template's subnet  capacity-block  into cr-1",
      '    p5: 0 static and 10 dynamic nodes of p5.48xlarge, by launch template d-gpu-p5 $Latest',
      "      1  the template's type  the template's subnet  spot",
      '    p6: 0 static and 10 dynamic nodes of p6.48xlarge, by launch template d-gpu-p6 $Latest',
      '      the ladder of p4d',
      '  queue cpu     on-demand; 1 spare a gang',
      '    a: 0 static and 10 dynamic nodes of c5.large, by launch template d-cpu-a $Latest',
      '  queue usual-and-long-name on-demand',
      '    a: 0 static and 10 dynamic nodes of c5.large, by launch template d-usual-and-long-name-a $Latest',
    ]);
    expect(lines).toContain(
      '  deadline      1m before a ResumeTimeout of 30m; a boot takes up to 5m',
    );
  });

  test('shows how static nodes are kept, where it is not as usual', () => {
    const resources = ['a', 'b', 'c'].map(
      (name) => `{ Name: ${name}, InstanceType: c5.large, MinCount: ${name === 'c' ? 0 : 2} }`,
    );
    const queue = `{ Name: q, Networking: { SubnetIds: [subnet-1] }, ComputeResources: [${resources.join(', ')}] }`;
    writeFileSync(
      join(directory, 'static.yaml'),
      `Scheduling: { Scheduler: slurm, SlurmQueues: [${queue}] }\n`,
    );
    const { lines } = check(
      loadText(
        'sets.yaml',
        `cluster_config: static.yaml
cluster_name: d
region: us-east-2
queues:
  q:
    static_sets: { launch: best-effort }
    compute_resources: { b: { static_sets: { launch: all-or-nothing, replace: set } } }
`,
      ),
    );
    expect(lines.slice(-3)).toEqual([
      '    a: 2 static and 8 dynamic nodes of c5.large, by launch template d-q-a $Latest; each static node for itself (best-effort)',
      '    b: 2 static and 8 dynamic nodes of c5.large, by launch template d-q-b $Latest; static nodes replaced as a whole set',
      '    c: 0 static and 10 dynamic nodes of c5.large, by launch template d-q-c $Latest',
    ]);
  });

  test('numbers the rungs of a long ladder to the right', () => {
    const subnets = Array.from({ length: 10 }, (_, index) => `subnet-${index}`).join(', ');
    const { lines } = check(
      loadText(
        'long.yaml',
        `Scheduling: { Scheduler: slurm, SlurmQueues: [{ Name: q, Networking: { SubnetIds: [${subnets}] }, ComputeResources: [{ Name: a, InstanceType: c5.large }] }] }\n`,
      ),
    );
    expect(lines.slice(-2)).toEqual([
      '       9  c5.large  subnet-8  on-demand',
      '      10  c5.large  subnet-9  on-demand',
    ]);
  });

  test('shows every error and the warnings of a broken one, and exits with 2', () => {
    const result = loadText(
      'broken.conf',
      '[slurm_resume]\nregion = us-east-2\nregion = us-east-1\ncolour = blue\nmax_batch_size = 0\n',
    );
    const { lines, exitCode } = check(result);
    expect(exitCode).toBe(2);
    expect(lines.filter((line) => line.includes('broken.conf:'))).toEqual([
      expect.stringContaining(':4:1: unknown key `colour`'),
      expect.stringContaining(':5:18: `max_batch_size` cannot be `0`'),
      expect.stringContaining(':3:1: warning: given twice'),
    ]);
    expect(lines.at(-1)).toBe('2 errors: this configuration cannot be used. Nothing was changed.');
    const one = check(load(join(directory, 'absent.conf')));
    expect(one.lines.at(-1)).toMatch(/^1 error: /);
  });

  test('as JSON holds the configuration, or the errors, and the notices', () => {
    const good = load(join(fixtures, 'wiki-2020.conf'));
    const rendered = renderConfigCheck(good, { json: true });
    expect(rendered.exitCode).toBe(0);
    expect(JSON.parse(rendered.text)).toMatchObject({
      valid: true,
      config: { settings: { mode: 'node-list', maxBatchSize: 100 } },
      errors: [],
      notices: [{ severity: 'warning', line: 13 }, {}, {}],
    });
    const bad = renderConfigCheck(load('/absent.conf'), { json: true });
    expect(bad.exitCode).toBe(2);
    expect(JSON.parse(bad.text)).toMatchObject({
      valid: false,
      config: null,
      errors: [{ file: '/absent.conf', line: null }],
      notices: [],
    });
  });
});

describe('muster config slurm', () => {
  test('prints the part of slurm.conf and nothing else', () => {
    const { text, exitCode } = renderSlurmConf(load(join(fixtures, 'blog-2022.yaml')), {
      programs,
    });
    expect(exitCode).toBe(0);
    expect(text).toContain('\nNodeName=queue1-dy-queue1-c6i32xlarge-[1-200] CPUs=128 ');
    expect(text).toContain('\nResumeProgram=/h/resume\n');
    expect(text.split('\n').filter((line) => !/^(?:#.*|\w+=.*|)$/.test(line))).toEqual([]);
  });

  test('says beside the hooks what would be right where they do not know the state folder', () => {
    const path = join(fixtures, 'blog-2022.yaml');
    const result = loadConfig({ path, env: { MUSTER_STATE_DIR: '/srv/m' } });
    const { text } = renderSlurmConf(result, { programs });
    expect(text).toContain(
      `# Who starts and ends instances.
# WARNING: as they stand here they put their requests into the usual state folder, and state_dir is /srv/m.
# Name a script of your own for each of the three instead, such as:
#   #!/bin/sh
#   MUSTER_STATE_DIR='/srv/m' exec /h/resume "$@"
ResumeProgram=/h/resume
`,
    );
    expect(renderSlurmConf(load(path), { programs }).text).not.toContain('WARNING');
  });

  test('says what is missing without a cluster file', () => {
    const { text, exitCode } = renderSlurmConf(load(join(fixtures, 'wiki-2020.conf')), {
      programs,
    });
    expect(exitCode).toBe(2);
    expect(text).toContain('no cluster file describes it');
    expect(text).toContain('`cluster_config` in muster.yaml');
  });

  test('shows the errors of a broken configuration', () => {
    const { text, exitCode } = renderSlurmConf(load('/absent.conf'), { programs });
    expect(exitCode).toBe(2);
    expect(text).toContain('/absent.conf: cannot be read: no such file');
  });
});
