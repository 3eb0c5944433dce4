/** The command line as a person or Slurm calls it: through links, from anywhere, with an empty environment. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');
const launcher = join(root, 'bin/muster');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster cli-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** `env -i`, and only what is given. */
function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
) {
  const env = Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${value}`);
  const { status, stdout, stderr } = spawnSync('/usr/bin/env', ['-i', ...env, program, ...args], {
    cwd: options.cwd ?? '/',
  });
  return { status, stdout: String(stdout), stderr: String(stderr) };
}

const muster = (...args: string[]) => run(launcher, args);

describe('the launcher', () => {
  /** A checkout whose Node says what it was given. */
  function checkout(): string {
    const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
    const nodeDir = join(dir, 'checkout/node_modules', `node-linux-${arch}`, 'bin');
    mkdirSync(nodeDir, { recursive: true });
    writeFileSync(join(nodeDir, 'node'), '#!/bin/sh\nprintf "%s|" "$@"\nexit 7\n');
    chmodSync(join(nodeDir, 'node'), 0o755);
    mkdirSync(join(dir, 'checkout/src/bin'), { recursive: true });
    writeFileSync(join(dir, 'checkout/src/bin/muster.ts'), '');
    mkdirSync(join(dir, 'checkout/bin'));
    cpSync(launcher, join(dir, 'checkout/bin/muster'));
    return join(dir, 'checkout');
  }

  const program = (at: string): string =>
    `--disable-warning=ExperimentalWarning|${at}/src/bin/muster.ts|`;

  test('starts muster with an empty environment, from another folder', () => {
    expect(muster('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('hands on the arguments as they are, and the exit code', () => {
    const at = checkout();
    const { status, stdout } = run(`${at}/bin/muster`, ['plan', 'a b', '', '$(c)', '*']);
    expect(status).toBe(7);
    expect(stdout).toBe(`${program(at)}plan|a b||$(c)|*|`);
  });

  test('holds the daemon’s memory down, and nobody else’s', () => {
    const at = checkout();
    const { stdout } = run(`${at}/bin/muster`, ['daemon', '--config', 'x']);
    const held = '--max-semi-space-size=2|--heap-growing-percent=50';
    expect(stdout).toBe(
      `--disable-warning=ExperimentalWarning|${held}|${at}/src/bin/muster.ts|daemon|--config|x|`,
    );
  });

  const ways = new Map<string, (at: string) => ReturnType<typeof run>>([
    ['by a relative path', (at) => run('bin/muster', [], { cwd: at })],
    ['by a relative path in its folder', (at) => run('./muster', [], { cwd: `${at}/bin` })],
    [
      'by its name, from PATH',
      (at) => run('muster', [], { env: { PATH: `${at}/bin:/usr/bin:/bin` } }),
    ],
    [
      'by its name, given to sh in its folder',
      (at) => run('/bin/sh', ['muster'], { cwd: `${at}/bin` }),
    ],
    [
      'with a CDPATH that has a bin, too',
      (at) => run('bin/muster', [], { cwd: at, env: { CDPATH: '/usr' } }),
    ],
    [
      'with a CDPATH that finds its own',
      (at) => run('bin/muster', [], { cwd: at, env: { CDPATH: at } }),
    ],
    [
      'through a chain of links, absolute and relative',
      (at) => {
        mkdirSync(join(dir, 'a'));
        mkdirSync(join(dir, 'b'));
        symlinkSync(`${at}/bin/muster`, join(dir, 'a', 'first'));
        symlinkSync('../a/first', join(dir, 'b', 'second'));
        symlinkSync(join(dir, 'b', 'second'), join(dir, 'third'));
        return run('third', [], { cwd: '/', env: { PATH: `${dir}:/usr/bin:/bin` } });
      },
    ],
    [
      'through a relative link in the working folder',
      (at) => {
        symlinkSync(join(basename(at), 'bin/muster'), join(dir, 'link'));
        return run('/bin/sh', ['link'], { cwd: dir });
      },
    ],
  ]);
  for (const [name, way] of ways) {
    test(`is found ${name}`, () => {
      const at = checkout();
      expect(way(at)).toEqual({ status: 7, stdout: program(at), stderr: '' });
    });
  }

  test('without its Node says what to do, exit code 2', () => {
    const at = checkout();
    rmSync(join(at, 'node_modules'), { recursive: true });
    const { status, stdout, stderr } = run(`${at}/bin/muster`, ['--version']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(
      `muster: no Node.js 24 under ${at}. Run 'npm ci' there (it brings its own), then try again.\n`,
    );
  });

  test('takes the Node and the program beside it, in an installed archive', () => {
    mkdirSync(join(dir, 'bin'));
    mkdirSync(join(dir, 'lib'));
    cpSync(launcher, join(dir, 'bin/muster'));
    writeFileSync(join(dir, 'lib/node'), '#!/bin/sh\nprintf "%s|" "$@"\n');
    chmodSync(join(dir, 'lib/node'), 0o755);
    writeFileSync(join(dir, 'lib/muster.js'), '');
    const { stdout } = run(join(dir, 'bin/muster'), ['plan']);
    expect(stdout).toBe(`--disable-warning=ExperimentalWarning|${dir}/lib/muster.js|plan|`);
  });
});

describe('usage', () => {
  test('help is no failure', () => {
    expect(muster('--help')).toMatchObject({ status: 0, stderr: '' });
    expect(muster('plan', '--help').status).toBe(0);
  });

  test('muster version is told what was meant, exit code 2', () => {
    const { status, stdout, stderr } = muster('version');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain("unknown command 'version'\n(Did you mean --version?)\n");
    expect(muster('--help').stdout).not.toMatch(/^ +version/m);
  });

  test("ec2sim's help names its defaults", () => {
    const help = muster('ec2sim', '--help').stdout.replaceAll(/\s+/g, ' ');
    expect(help).toContain('--region <name> region (default: us-east-2)');
    expect(help).toMatch(/--boot-ms <n> from launch to booted, in milliseconds \(default: 1000\)/);
  });

  test('an option of lab that cannot be used is bad usage, exit code 2', () => {
    const { status, stdout, stderr } = muster('lab', 'up', '--lab-dir', '');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^muster lab: the lab directory must be an absolute path/);
  });

  for (const args of [
    ['no-such-command'],
    ['plan'],
    ['plan', '--no-such-option', 'a'],
    ['resume', 'a', 'b'],
  ]) {
    test(`muster ${args.join(' ')} is bad usage, exit code 2`, () => {
      const { status, stdout, stderr } = muster(...args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain("'muster --help' lists the commands");
    });
  }
});

const page = 'queue1-dy-c5xlarge-[1-5],queue1-dy-t2micro-2,queue2-dy-c5xlarge-[1-3]';

/** The page's configuration, as it stands there, with its example's batch size. */
function pageConf(more = ''): string {
  const path = join(dir, 'page.conf');
  writeFileSync(
    path,
    `# DO NOT MODIFY
[slurm_resume]
cluster_name = demo
region = us-east-2
proxy = NONE
dynamodb_table = parallelcluster-demo
hosted_zone = ZXXXXXXXXXXXXXXX
dns_domain = demo.pcluster
use_private_hostname = false
master_private_ip = 172.x.x.x
master_hostname = ip-172-x-x-x.us-east-2.compute.internal
# Options added:
\`all_or_nothing_batch = True\`      # default: False
max_batch_size = 4             # default: 500
${more}`,
  );
  return path;
}

function planned(hostlist: string, ...more: string[]) {
  return muster('plan', '--config', pageConf(), ...more, hostlist);
}

function json(hostlist: string, ...more: string[]): Record<string, unknown> {
  return JSON.parse(planned(hostlist, '--json', ...more).stdout) as Record<string, unknown>;
}

describe("muster plan, the page's example", () => {
  test('as a table: four launch-batches', () => {
    const { status, stdout, stderr } = planned(page);
    expect(status).toBe(0);
    expect(stdout).toBe(
      `9 nodes, 4 gangs, 4 RunInstances calls; mode node-list: launch-batches of at most 4, firm (all or nothing)

CALL  GANG  FOR           QUEUE   COMPUTE RESOURCE  MIN  MAX  NODES
   1     1  launch-batch  queue1  c5xlarge            4    4  queue1-dy-c5xlarge-[1-4]
   2     2  launch-batch  queue1  c5xlarge            1    1  queue1-dy-c5xlarge-5
   3     3  launch-batch  queue1  t2micro             1    1  queue1-dy-t2micro-2
   4     4  launch-batch  queue2  c5xlarge            3    3  queue2-dy-c5xlarge-[1-3]
note: no SLURM_RESUME_FILE: the nodes are launched as a node list, jobs unknown
`,
    );
    expect(stderr).toContain('page.conf:13:2: warning: back quotes stand around this setting');
  });

  test('as JSON', () => {
    const value = json(page);
    expect(value).toMatchObject({
      mode: 'node-list',
      maxBatchSize: 4,
      nodes: 9,
      rejected: [],
      warnings: [],
    });
    const gangs = value['gangs'] as {
      firm: boolean;
      calls: { nodes: string; minCount: number; maxCount: number }[];
    }[];
    expect(gangs.map(({ firm }) => firm)).toEqual([true, true, true, true]);
    expect(
      gangs.flatMap(({ calls }) =>
        calls.map(({ nodes, minCount, maxCount }) => [nodes, minCount, maxCount]),
      ),
    ).toEqual([
      ['queue1-dy-c5xlarge-[1-4]', 4, 4],
      ['queue1-dy-c5xlarge-5', 1, 1],
      ['queue1-dy-t2micro-2', 1, 1],
      ['queue2-dy-c5xlarge-[1-3]', 3, 3],
    ]);
    expect(gangs[0]?.calls[0]).toMatchObject({
      queue: 'queue1',
      computeResource: 'c5xlarge',
      launch: { kind: 'launch-template', name: 'demo-queue1-c5xlarge', version: '$Latest' },
    });
  });

  test('with the misprint: told for those three, the others are planned, exit code 1', () => {
    const misprint = page.replace('queue2-dy-c5xlarge-[', 'queue2-dy-c5xlarge[');
    const { status, stdout } = planned(misprint);
    expect(status).toBe(1);
    expect(stdout).toContain('6 nodes, 3 gangs, 3 RunInstances calls');
    expect(stdout).toContain('not launched: queue2-dy-c5xlarge[1-3]: (Code:InvalidNodenameError)');
    expect(stdout).toContain('was queue2-dy-c5xlarge-1 meant?');
    expect(json(misprint)['rejected']).toMatchObject([
      { nodes: 'queue2-dy-c5xlarge[1-3]', code: 'InvalidNodenameError' },
    ]);
  });

  test("with a resume file: its jobs, and the page's advice", () => {
    const file = join(dir, 'resume.json');
    const jobs = [
      { job_id: 1, nodes: 'q-dy-c-[1-2]' },
      { job_id: 2, nodes: 'q-dy-c-[3-4]' },
    ];
    writeFileSync(file, JSON.stringify({ jobs }));
    const { status, stdout } = planned('q-dy-c-[1-4]', '--resume-file', file);
    expect(status).toBe(0);
    expect(stdout).toContain(
      'warning: launch-batch 1 holds nodes of 2 jobs (1, 2): if it fails, all of them fail.',
    );
    expect(stdout).toContain('warning: max_batch_size is 4, the largest job needs 2 instances');
    expect(json('q-dy-c-[1-4]', '--resume-file', file)['warnings']).toHaveLength(2);
  });

  test('job mode: a gang a job, shared nodes launched once', () => {
    const file = join(dir, 'resume.json');
    const lists = ['q-dy-c-[1-2]', 'q-dy-c-[1-2]', 'q-dy-c-3', 'q-dy-c-4', 'q-dy-c-5', 'q-dy-c-6'];
    writeFileSync(
      file,
      JSON.stringify({ jobs: lists.map((nodes, index) => ({ job_id: index + 1, nodes })) }),
    );
    const config = pageConf('job_level_scaling = True\n');
    const { status, stdout } = muster(
      'plan',
      '--config',
      config,
      '--resume-file',
      file,
      'q-dy-c-[1-7]',
    );
    expect(status).toBe(0);
    expect(stdout).toContain('mode job: every job is a gang (all-or-nothing)');
    expect(stdout).toMatch(/^ +1 +1 +job 1 .* 2 +2 +q-dy-c-\[1-2\]$/m);
    expect(stdout).toMatch(
      /^ +2 +3 +jobs 3,4,5,\.\.\. \(one node each\) .* 1 +4 +q-dy-c-\[3-6\]$/m,
    );
    expect(stdout).toContain(
      'job 2: every node is launched by a gang above; the instances are shared.',
    );
    expect(stdout).toMatch(/^ +3 +4 +launch-batch .* 1 +1 +q-dy-c-7$/m);
  });

  test('of nothing, or of what is no hostlist: exit code 2, and the error alone', () => {
    const wrong: [hostlist: string, says: RegExp][] = [
      ['', /^muster: the hostlist is empty$/m],
      ['queue1-dy-big-[1-3', /^muster: hostlist "queue1-dy-big-\[1-3": .*\(column 15\); /m],
    ];
    for (const [hostlist, says] of wrong) {
      const { status, stdout, stderr } = planned(hostlist);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(says);
      expect(stderr).toContain('muster: nothing was planned.');
      expect(stderr).not.toContain('SLURM_RESUME_FILE');
    }
  });

  test('one node is one node; with an element that is none beside it, exit code 1', () => {
    const { status, stdout } = planned('q-dy-c-1,q-dy-c-[2');
    expect(stdout).toContain('1 node, 1 gang, 1 RunInstances call; mode');
    expect(stdout).toContain('note: hostlist element "q-dy-c-[2": ');
    expect(status).toBe(1);
  });

  test('of nodes that cannot be: why, without a word of the resume file', () => {
    const { status, stdout } = planned('nowhere');
    expect(status).toBe(1);
    expect(stdout).toContain('not launched: nowhere: (Code:InvalidNodenameError)');
    expect(stdout).not.toContain('SLURM_RESUME_FILE');
  });

  const files: Record<string, [text: string | null, says: RegExp]> = {
    'that is not there': [null, /the resume file cannot be read \(ENOENT/],
    'that is empty': ['', /wrong\.json cannot be used: SLURM_RESUME_FILE is not whole JSON/],
    'that is another file': ['{"nodes": []}', /has no list "jobs"; give one as Slurm writes it/],
    'with no job that can be used': ['{"jobs": [{"id": 1}]}', /jobs\[0\]: has no job_id/],
  };
  for (const [name, [text, says]] of Object.entries(files)) {
    test(`a resume file ${name}: exit code 2, and what was not done`, () => {
      const file = join(dir, 'wrong.json');
      if (text !== null) writeFileSync(file, text);
      const { status, stdout, stderr } = planned(page, '--resume-file', file);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(says);
      expect(stderr).toContain('muster: nothing was planned.');
    });
  }

  test('a configuration that cannot be used: exit code 2, and what is wrong', () => {
    const { status, stdout, stderr } = muster(
      'plan',
      '--config',
      pageConf('max_batch_sice = 3\n'),
      page,
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('page.conf:15');
    expect(stderr).toContain('max_batch_size');
    expect(stderr).toContain('muster: the configuration cannot be used; nothing was done.');
  });

  test('the same as JSON, as `config check` has it', () => {
    const config = pageConf('max_batch_sice = 3\n');
    const { status, stdout } = muster('plan', '--json', '--config', config, page);
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      valid: false,
      config: null,
      errors: [{ line: 15 }],
    });
  });

  test('makes nothing: no folder, no spool, no log', () => {
    const env = { MUSTER_STATE_DIR: join(dir, 'state'), MUSTER_LOG_DIR: join(dir, 'log') };
    run(launcher, ['plan', '--config', pageConf(), page], { env });
    expect(readdirSync(dir)).toEqual(['page.conf']);
  });
});

describe('muster config check', () => {
  test("of the page's file: usable, with the warning, exit code 0", () => {
    const { status, stdout } = muster('config', 'check', '--config', pageConf());
    expect(status).toBe(0);
    expect(stdout).toContain('warning: back quotes stand around this setting');
    expect(stdout).toContain('The configuration is usable.');
    expect(stdout).toContain('at most 4 instances a launch, each whole or not at all');
  });

  test('as JSON', () => {
    const { status, stdout } = muster('config', 'check', '--json', '--config', pageConf());
    expect(status).toBe(0);
    const value = JSON.parse(stdout) as Record<string, unknown>;
    expect(value).toMatchObject({
      valid: true,
      errors: [],
      config: { settings: { mode: 'node-list', allOrNothingBatch: true, maxBatchSize: 4 } },
    });
  });

  test('warns of what the machine does not have, and of hooks that do not know the state folder', () => {
    const env = { MUSTER_STATE_DIR: join(dir, 'nowhere/state') };
    const { status, stdout } = run(launcher, ['config', 'check', '--config', pageConf()], { env });
    expect(status).toBe(0);
    expect(stdout).toContain('environment: warning: `state_dir`: there is no folder');
    expect(stdout).toContain('environment: warning: `state_dir`: Slurm starts the hooks');
  });

  test('of a broken file: not usable, file and line, exit code 2', () => {
    const path = pageConf('max_batch_size = many\n');
    const { status, stdout } = muster('config', 'check', '--config', path);
    expect(status).toBe(2);
    expect(stdout).toContain(`${path}:15:`);
    const asJson = muster('config', 'check', '--json', '--config', path);
    expect(asJson.status).toBe(2);
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      valid: false,
      config: null,
      errors: [{ line: 15 }],
    });
  });

  test('of an empty name says that it is empty', () => {
    const { status, stdout } = muster('config', 'check', '--config=');
    expect(status).toBe(2);
    expect(stdout).toContain('--config: the name of the file is empty\n    name a file behind');
  });

  test('of no file: exit code 2', () => {
    expect(muster('config', 'check', '--config', join(dir, 'nowhere')).status).toBe(2);
  });
});

describe('muster config slurm', () => {
  test('warns beside its output of hooks that do not know the state folder', () => {
    const path = join(root, 'test/fixtures/config/blog-2022.yaml');
    const env = { MUSTER_STATE_DIR: '/srv/m' };
    const said = run(launcher, ['config', 'slurm', '--config', path], { env });
    expect(said.status).toBe(0);
    expect(said.stderr).toMatch(/^environment: warning: `state_dir`: Slurm starts the hooks/);
    expect(said.stdout).toContain('# WARNING: as they stand here');
    expect(muster('config', 'slurm', '--config', path).stderr).toBe('');
  });
});

describe('the hooks as commands', () => {
  let config: string;

  beforeEach(() => {
    writeFileSync(join(dir, 'scontrol'), '#!/bin/sh\n');
    chmodSync(join(dir, 'scontrol'), 0o755);
    config = join(dir, 'muster.yaml');
    const lines = [
      'cluster_name: demo',
      'region: us-east-2',
      `slurm: { scontrol: '${dir}/scontrol' }`,
      `state_dir: '${dir}/state'`,
      `log_dir: '${dir}/log'`,
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
  });

  for (const command of [['resume'], ['resume', '--wait'], ['suspend'], ['resume-fail']]) {
    test(`muster ${command.join(' ')} of a hostlist that cannot be read: exit code 2, where and why, nothing spooled`, () => {
      const { status, stdout, stderr } = muster(
        ...command,
        '--config',
        config,
        'q-dy-c-1,q-dy-c-[1',
      );
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(
        /^muster: a "\[" that is never closed \(column 17\); .+\nmuster: the hostlist cannot be read; nothing was asked for\n$/,
      );
      expect(readdirSync(dir)).not.toContain('state');
    });

    test(`muster ${command.join(' ')} of no node: exit code 2, nothing spooled`, () => {
      for (const none of ['', ' , ']) {
        expect(muster(...command, '--config', config, none)).toEqual({
          status: 2,
          stdout: '',
          stderr: 'muster: no node was named; nothing was asked for\n',
        });
      }
      expect(readdirSync(dir)).not.toContain('state');
    });
  }

  test('of nodes that nobody knows: spooled, without a word to a script', () => {
    for (const command of ['resume', 'suspend', 'resume-fail'])
      expect(muster(command, '--config', config, 'nosuch')).toEqual({
        status: 0,
        stdout: '',
        stderr: '',
      });
    expect(readdirSync(join(dir, 'state/spool/new'))).toHaveLength(3);
  });

  test('muster resume --wait of what cannot be launched: exit code 1, and where it is told', () => {
    const { status, stdout, stderr } = muster('resume', '--wait', '--config', config, 'nosuch');
    expect(stdout).toContain('Successfully launched nodes (x0) []\n');
    expect(stdout).toContain(`${dir}/log/slurm_resume.log says why`);
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(readFileSync(join(dir, 'log/slurm_resume.log'), 'utf8')).toContain('nosuch');
    expect(readdirSync(join(dir, 'state/spool/new'))).toEqual([]);
  });
});
