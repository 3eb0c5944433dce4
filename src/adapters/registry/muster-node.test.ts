/**
 * node/muster-node as an instance runs it, with a slurmd, a slurmctld and a machine that only note what is done to them.
 * The registry and the heartbeat are the daemon's own. Under every shell that images have as /bin/sh and this machine has.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, test } from 'vitest';
import { openFileRegistry } from './files.ts';
import { writeHeartbeat } from './heartbeat.ts';

const program = fileURLToPath(new URL('../../../node/muster-node', import.meta.url));
const instanceId = 'i-0123456789abcdef0';

const shells = ['dash', 'bash --posix', 'busybox sh'].filter(
  (shell) => spawnSync(shell.split(' ')[0] ?? '', ['-c', 'true']).error === undefined,
);

const base = mkdtempSync(join(tmpdir(), 'muster-node-'));
const groups: number[] = [];
afterAll(() => {
  for (const group of groups) {
    if (isThere(group)) process.kill(-group, 'SIGKILL');
  }
  rmSync(base, { recursive: true, force: true });
});

/** Whether anything is left of a process group. */
function isThere(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

/** Each a script that notes its arguments in a file of its name, then does what `then` says. */
const programs = {
  slurmd: 'exec sleep 600',
  scontrol: 'cat "$HERE/ping"',
  shutdown: 'exit "$(cat "$HERE/shutdown-says")"',
  mount: '',
  curl: 'case "$*" in *api/token) echo TOKEN ;; *TOKEN*/instance-id) echo "$IMDS_SAYS" ;; *) exit 22 ;; esac',
};

const up = 'Slurmctld(primary) at head-node is UP\n';
const down = 'Slurmctld(primary) at head-node is DOWN\n';

let machines = 0;

function machine() {
  machines += 1;
  const dir = join(base, String(machines));
  // Jobs are seen by their node's name: those of the other tests, which run at the same time, are other nodes'.
  const node = `q${machines}-dy-c-1`;
  const stateDir = join(dir, 'state');
  const registry = join(stateDir, 'registry');
  const bin = join(dir, 'bin');
  mkdirSync(bin, { recursive: true });
  mkdirSync(registry, { recursive: true });
  for (const [name, then] of Object.entries(programs)) {
    const path = join(bin, name);
    writeFileSync(path, `#!/bin/sh\necho "$*" >>"$HERE/${name}"\n${then}\n`);
    chmodSync(path, 0o755);
  }
  writeFileSync(join(dir, 'ping'), down);
  writeFileSync(join(dir, 'shutdown-says'), '0');
  let beats = 0;
  const said: string[] = [];
  return {
    dir,
    node,
    registry,
    said,
    /** What a program was called with so far. */
    calls(name: keyof typeof programs): string[] {
      const path = join(dir, name);
      return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
    },
    slurmctld: (answer: string) => writeFileSync(join(dir, 'ping'), answer),
    shutdownSays: (code: number) => writeFileSync(join(dir, 'shutdown-says'), String(code)),
    async name(as = node): Promise<void> {
      const open = await openFileRegistry(stateDir);
      await open.publish([
        { instanceId: 'i-0fedcba9876543210', node: `${node}0` },
        { instanceId, node: as },
      ]);
    },
    /** As the daemon does. */
    beat(everyMs = 1_000): Promise<void> {
      beats += 1;
      return writeHeartbeat(stateDir, { at: beats, everyMs });
    },
    boot(shell: readonly string[], settings: Record<string, string> = {}) {
      const [command = '', ...args] = shell;
      const env = {
        PATH: `${bin}:/usr/bin:/bin`,
        HERE: dir,
        MUSTER_REGISTRY: registry,
        MUSTER_GONE_AFTER: '4',
        MUSTER_SHUTDOWN: 'shutdown -h now',
        INSTANCE_ID: instanceId,
        RUNTIME_DIRECTORY: join(dir, 'run'),
        ...settings,
      };
      const child = spawn(command, [...args, program], { detached: true, env });
      groups.push(child.pid ?? 0);
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data: Buffer) => said.push(String(data)));
      const ended = new Promise<number | null>((resolve) => {
        child.once('exit', (code) => resolve(code));
      });
      return { child, ended };
    },
  };
}

/** For what is not about a cluster that is gone: a machine under load is not to take it for one. */
const patient = { MUSTER_GONE_AFTER: '120' };

const wait = { timeout: 15_000, interval: 50 };
const seconds = (count: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, count * 1_000));

/** A slurmstepd of a job on the node: all that is asked of it is its socket. */
async function startJob(dir: string, socket: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(dir, socket), resolve));
  return server;
}

describe.concurrent.each(shells)('with %s', (shell) => {
  const boot = (one: ReturnType<typeof machine>, settings?: Record<string, string>) =>
    one.boot(shell.split(' '), settings);

  test('slurmd starts under the name that the registry gives, and not before', async ({
    expect,
  }) => {
    const one = machine();
    const { child, ended } = boot(one, { ...patient, SLURMD_OPTIONS: '--conf-server head-node' });
    await seconds(1.5);
    expect(one.calls('slurmd')).toEqual([]);
    await one.name();
    await expect
      .poll(() => one.calls('slurmd'), wait)
      .toEqual([`-D -N ${one.node} --conf-server head-node`]);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(one.calls('shutdown')).toEqual([]);
  });

  test('SIGTERM ends it and all that it started', async ({ expect }) => {
    const one = machine();
    await one.name();
    const { child, ended } = boot(one, patient);
    await expect.poll(() => one.calls('slurmd'), wait).toHaveLength(1);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    await expect.poll(() => isThere(child.pid ?? 0), wait).toBe(false);
  });

  test('a name that is none is told, and starts nothing', async ({ expect }) => {
    const one = machine();
    await one.name('../../etc;reboot');
    boot(one, patient);
    await expect.poll(() => one.said.join(''), wait).toContain('no usable node name');
    expect(one.calls('slurmd')).toEqual([]);
  });

  test('a slurmd that ends is started again, later each time', async ({ expect }) => {
    const one = machine();
    writeFileSync(join(one.dir, 'bin', 'slurmd'), '#!/bin/sh\ndate +%s >>"$HERE/slurmd"\nexit 3\n');
    await one.name();
    boot(one, { MUSTER_GONE_AFTER: '0' });
    await expect.poll(() => one.calls('slurmd').length, wait).toBe(3);
    const [first = 0, second = 0, third = 0] = one.calls('slurmd').map(Number);
    expect(third - second).toBeGreaterThanOrEqual(second - first);
    expect(one.said.join('')).toContain(
      'slurmd ended with exit code 3; it is started again in 0 s',
    );
  });

  test('while the heartbeat changes, slurmctld is not even asked', async ({ expect }) => {
    const one = machine();
    await one.name();
    await one.beat(3_000);
    const { child } = boot(one);
    // Twice what is promised and more, so that it would be asked if beats did not count; none of them is late on a busy machine.
    for (let count = 0; count < 16; count += 1) {
      await seconds(0.5);
      await one.beat(3_000);
    }
    expect(child.exitCode).toBe(null);
    expect(one.calls('shutdown')).toEqual([]);
    expect(one.calls('scontrol')).toEqual([]);
  });

  test('while slurmctld answers, a muster that is stopped costs no node', async ({ expect }) => {
    const one = machine();
    await one.name();
    await one.beat();
    one.slurmctld(up);
    const { child } = boot(one);
    await seconds(9);
    expect(child.exitCode).toBe(null);
    expect(one.calls('shutdown')).toEqual([]);
    expect(one.calls('scontrol').at(-1)).toBe('ping');
  });

  test('with neither, the machine is shut down after the set time, and not before', async ({
    expect,
  }) => {
    const one = machine();
    await one.name();
    await one.beat();
    const { ended } = boot(one);
    await seconds(2);
    expect(one.calls('shutdown')).toEqual([]);
    expect(await ended).toBe(100);
    expect(one.calls('shutdown')).toEqual(['-h now']);
    await expect
      .poll(() => one.said.join(''), wait)
      .toMatch(/nothing was heard of the cluster for \d+ s and no job/);
  });

  test('a job keeps its node until it has ended for as long, a job on another node does not', async ({
    expect,
  }) => {
    const one = machine();
    await one.name();
    const other = await startJob(one.dir, `${one.node}1_7.0`);
    const job = await startJob(one.dir, `${one.node}_12.4294967291`);
    const { child, ended } = boot(one);
    await expect.poll(() => one.said.join(''), wait).toContain('may end first');
    await seconds(2);
    expect(child.exitCode).toBe(null);
    job.close();
    await seconds(2);
    expect(child.exitCode).toBe(null);
    expect(await ended).toBe(100);
    other.close();
  });

  test('without a name the heartbeat alone counts: nobody would ever give it one', async ({
    expect,
  }) => {
    const one = machine();
    one.slurmctld(up);
    const { ended } = boot(one);
    expect(await ended).toBe(100);
    expect(one.calls('slurmd')).toEqual([]);
  });

  test('a cluster that comes back in time is there again', async ({ expect }) => {
    const one = machine();
    await one.name();
    const job = await startJob(one.dir, `${one.node}_1.0`);
    boot(one);
    await expect.poll(() => one.said.join(''), wait).toContain('may end first');
    await one.beat();
    await expect.poll(() => one.said.join(''), wait).toContain('the cluster is there again');
    job.close();
    expect(one.calls('shutdown')).toEqual([]);
  });

  test('a registry that hangs holds nothing up: slurmctld is a witness all the same', async ({
    expect,
  }) => {
    const one = machine();
    await one.name();
    one.slurmctld(up);
    const { child, ended } = boot(one);
    await expect.poll(() => one.calls('slurmd'), wait).toHaveLength(1);
    // Who reads it waits for a writer that never comes.
    spawnSync('mkfifo', [join(one.registry, 'heartbeat')]);
    await seconds(7);
    expect(child.exitCode).toBe(null);
    one.slurmctld(down);
    expect(await ended).toBe(100);
  });

  test('a slurmctld that hangs is one that does not answer', async ({ expect }) => {
    const one = machine();
    await one.name();
    writeFileSync(join(one.dir, 'bin', 'scontrol'), '#!/bin/sh\nexec sleep 600\n');
    expect(await boot(one).ended).toBe(100);
  });

  test('a time of 0 never ends it', async ({ expect }) => {
    const one = machine();
    await one.name();
    const { child } = boot(one, { MUSTER_GONE_AFTER: '0' });
    await seconds(3);
    expect(child.exitCode).toBe(null);
  });

  test('a time shorter than three heartbeats is as long as those', async ({ expect }) => {
    const one = machine();
    await one.name();
    await one.beat();
    const started = performance.now();
    expect(await boot(one, { MUSTER_GONE_AFTER: '1' }).ended).toBe(100);
    expect(performance.now() - started).toBeGreaterThan(2_000);
  });

  test('a shutdown that fails is tried again', async ({ expect }) => {
    const one = machine();
    one.shutdownSays(1);
    writeFileSync(join(one.dir, 'bin', 'systemctl'), '#!/bin/sh\nexit 1\n');
    chmodSync(join(one.dir, 'bin', 'systemctl'), 0o755);
    const { ended } = boot(one);
    await expect.poll(() => one.calls('shutdown').length, wait).toBeGreaterThan(1);
    one.shutdownSays(0);
    expect(await ended).toBe(100);
  });

  test("on EC2 its id comes from the metadata service's second version", async ({ expect }) => {
    const one = machine();
    await one.name();
    boot(one, { ...patient, INSTANCE_ID: '', IMDS_SAYS: instanceId });
    await expect.poll(() => one.calls('slurmd'), wait).toEqual([`-D -N ${one.node}`]);
    expect(one.calls('curl')[0]).toMatch(/-X PUT .*ttl-seconds: 300 .*\/latest\/api\/token$/);
  });

  test('the registry is mounted read-only where it is to be mounted', async ({ expect }) => {
    const one = machine();
    await one.name();
    boot(one, { ...patient, MUSTER_REGISTRY_SOURCE: 'head-node:/var/lib/muster/registry' });
    await expect.poll(() => one.calls('slurmd'), wait).toHaveLength(1);
    const [call = ''] = one.calls('mount');
    expect(call).toMatch(/^-t nfs -o ro,soft,/);
    expect(call.endsWith(`head-node:/var/lib/muster/registry ${one.registry}`)).toBe(true);
  });

  const refused: Record<string, [Record<string, string>, string]> = {
    'a time that is none': [{ MUSTER_GONE_AFTER: '10m' }, 'MUSTER_GONE_AFTER is "10m"'],
    'an id without a way to shut it down': [{ MUSTER_SHUTDOWN: '' }, 'set both, or neither'],
    'an id that is none': [{ INSTANCE_ID: 'i-$(reboot)' }, '"i-$(reboot)" is no instance id'],
    'a folder that cannot be': [{ RUNTIME_DIRECTORY: '/proc/no' }, 'cannot make the folder'],
  };
  test.for(Object.entries(refused))('refuses %s', async ([, [settings, why]], { expect }) => {
    const one = machine();
    await one.name();
    expect(await boot(one, settings).ended).toBe(2);
    await expect.poll(() => one.said.join(''), wait).toContain(why);
    expect(one.calls('slurmd')).toEqual([]);
  });
});
