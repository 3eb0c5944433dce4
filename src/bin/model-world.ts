/**
 * The lab's world where no real Slurm can be had: the model of Slurm in its place, everything else real. Requests go
 * through the spool on the disk, the production controller decides, its ledger is SQLite, and EC2 is called through
 * the AWS SDK over HTTP. It runs in this process and in real time.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLedgerWriter } from '../adapters/ledger/sqlite.ts';
import { openSpool } from '../adapters/spool/files.ts';
import { createSystemClock } from '../adapters/system/clock.ts';
import { openFileLog } from '../adapters/system/log.ts';
import { formatProblem, loadConfig, type Config } from '../config/config.ts';
import type { Controller } from '../controller/controller.ts';
import { nodeName } from '../core/node-name.ts';
import type { HookVerb } from '../core/requests.ts';
import type { Queue } from '../core/settings.ts';
import { startEc2Sim, type Ec2Sim } from '../ec2sim/server.ts';
import {
  CRED_EXPIRE_SECONDS,
  RESUME_TIMEOUT_SECONDS,
  SUSPEND_TIMEOUT_SECONDS,
} from '../lab/slurm-conf.ts';
import { countReservations } from '../lab/accounting.ts';
import type { LabCloud, LabMuster, MusterFiles, WorldOpener, WorldSpec } from '../lab/world.ts';
import type { Clock } from '../ports/clock.ts';
import { SchedulerError } from '../ports/scheduler.ts';
import { createSlurmModel, type SlurmModel } from '../sim/slurm/model.ts';
import type { SlurmModelNode } from '../sim/slurm/types.ts';
import { composeController } from './compose.ts';
import { followSlurm } from './follow-slurm.ts';

/** How often a booted instance looks for its node name, as the lab's boot script does. */
const registryLookMs = 200;

const stopGraceMs = 15_000;

export const openModelWorld: WorldOpener = async (spec, progress) => {
  const dir = mkdtempSync(join(tmpdir(), 'muster-model-'));
  const config = writeConfig(dir, spec.files);
  const log = openFileLog(config.logDir);
  const spool = await openSpool({ stateDir: config.stateDir, log });
  const spooling = new Set<Promise<void>>();
  function call(verb: HookVerb, hostlist: string, resumeFile: string | null): void {
    const written = spool.write({ id: randomUUID(), verb, hostlist, resumeFile });
    spooling.add(written);
    void written.finally(() => spooling.delete(written));
  }
  const clock = createEndableClock(createSystemClock());
  const slurm = createSlurmModel({
    clock,
    ...fleetOf(config),
    settings: {
      suspendTimeMs: spec.suspendTimeSeconds * 1000,
      suspendTimeoutMs: SUSPEND_TIMEOUT_SECONDS * 1000,
      resumeTimeoutMs: (spec.resumeTimeoutSeconds ?? RESUME_TIMEOUT_SECONDS) * 1000,
      resumeRate: spec.resumeRate ?? 0,
      credExpireMs: CRED_EXPIRE_SECONDS * 1000,
      scheduleIntervalMs: 2_000,
      backfillIntervalMs: 2_000,
      jobStartIntervalMs: 1_000,
      powerSaveIntervalMs: 1_000,
      minJobAgeMs: 3_600_000,
    },
    hooks: {
      resume: (hostlist, resumeFile) => call('resume', hostlist, resumeFile),
      suspend: (hostlist) => call('suspend', hostlist, null),
      resumeFail: (hostlist) => call('resume-fail', hostlist, null),
    },
  });
  const sim = await startSim(spec, slurm, config.stateDir);
  pointSdkAt(sim.url, spec.region);
  let isAway = false;
  const reachable = whileReachable(slurm, () => !isAway);
  const muster = createMuster(dir, reachable, async (verb, argument) => call(verb, argument, null));
  return {
    slurm: {
      ...reachable,
      stopController: async () => void (isAway = true),
      startController: async () => void (isAway = false),
    },
    cloud: cloudOf(sim, spec),
    muster,
    clock,
    progress,
    logPaths: [log.path],
    async close(options) {
      await muster.stop();
      // The model would go on for ever: its nodes idle, suspend, and its hooks spool into a folder that is gone.
      clock.end();
      await sim.close();
      await Promise.all(spooling);
      if (options?.keepFiles !== true) rmSync(dir, { recursive: true, force: true });
    },
  };
};

/** The model, of which no call comes through while slurmctld is away. */
function whileReachable(slurm: SlurmModel, isReachable: () => boolean): SlurmModel {
  const calls = Object.entries(slurm).map(([name, member]: [string, unknown]) => {
    if (typeof member !== 'function') return [name, member];
    const call = (...args: unknown[]): unknown =>
      isReachable()
        ? Reflect.apply(member, slurm, args)
        : Promise.reject(
            new SchedulerError('Unable to contact slurm controller', { transient: true }),
          );
    return [name, call];
  });
  return Object.fromEntries(calls) as SlurmModel;
}

/** A clock whose timers can all be ended at once. */
function createEndableClock(clock: Clock): Clock & { end(): void } {
  const cancels = new Set<() => void>();
  let ended = false;
  return {
    now: () => clock.now(),
    schedule(after, wake) {
      if (ended) return () => undefined;
      const cancel = clock.schedule(after, () => {
        cancels.delete(cancel);
        wake();
      });
      cancels.add(cancel);
      return () => {
        cancels.delete(cancel);
        cancel();
      };
    },
    end() {
      ended = true;
      for (const cancel of cancels) cancel();
    },
  };
}

function writeConfig(dir: string, files: MusterFiles): Config {
  writeFileSync(join(dir, 'slurm_resume.conf'), files.resumeConf);
  writeFileSync(join(dir, 'cluster.yaml'), files.clusterYaml);
  const path = join(dir, 'muster.yaml');
  writeFileSync(
    path,
    `resume_config: slurm_resume.conf
cluster_config: cluster.yaml
launch: { from: instance-type, image_id: ami-0123456789abcdef0 }
state_dir: ${dir}/state
run_dir: ${dir}/run
log_dir: ${dir}/log
${files.musterYaml ?? ''}`,
  );
  const result = loadConfig({ path, env: {} });
  if (result.kind === 'loaded') return result.config;
  throw new Error(
    `the lab's configuration is refused:\n${result.errors.map(formatProblem).join('\n')}`,
  );
}

/** Nodes and partitions in the order of the slurm.conf that a real Slurm would get. */
function fleetOf(config: Config): { partitions: string[]; nodes: SlurmModelNode[] } {
  const queues = config.settings.queues ?? [];
  return { partitions: queues.map((queue) => queue.name), nodes: queues.flatMap(nodesOf) };
}

function nodesOf(queue: Queue): SlurmModelNode[] {
  return queue.computeResources.flatMap(({ name, minCount, maxCount }) =>
    Array.from({ length: maxCount }, (_, index) => ({
      name: nodeName({
        queue: queue.name,
        computeResource: name,
        nodeType: index < minCount ? 'static' : 'dynamic',
        index: index < minCount ? index + 1 : index - minCount + 1,
      }),
      partitions: [queue.name],
      isKept: index < minCount,
    })),
  );
}

/** Instances "boot" by waiting for their name in the registry; then their node registers with the model. */
function startSim(spec: WorldSpec, slurm: SlurmModel, stateDir: string): Promise<Ec2Sim> {
  return startEc2Sim({
    region: spec.region,
    subnets: [{ subnetId: spec.subnetId, availabilityZone: spec.zone, cidr: '10.20.0.0/16' }],
    times: {
      pendingMs: 300,
      bootMs: spec.bootMs,
      bootJitterMs: spec.bootJitterMs ?? 0,
      shutdownMs: spec.shutdownMs ?? 300,
    },
    onBoot({ instanceId }) {
      if (spec.withoutSlurmd === true) return;
      const timer = setInterval(() => {
        const node = nameIn(join(stateDir, 'registry'), instanceId);
        if (node === null) return;
        clearInterval(timer);
        slurm.registerNode(node);
      }, registryLookMs);
      return () => clearInterval(timer);
    },
  });
}

/** The node name of an instance, as a boot script finds it. */
function nameIn(registry: string, instanceId: string): string | null {
  for (const file of readdirSync(registry)) {
    if (!file.startsWith('i-')) continue;
    const text = readFileSync(join(registry, file), 'utf8');
    const line = text.split('\n').find((one) => one.startsWith(`${instanceId} `));
    if (line !== undefined) return line.slice(instanceId.length + 1);
  }
  return null;
}

/** The SDK reads where EC2 is from its own variables; with these it can reach nothing but the simulator. */
function pointSdkAt(url: string, region: string): void {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: 'lab',
    AWS_SECRET_ACCESS_KEY: 'lab',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
}

function cloudOf({ model }: Ec2Sim, spec: WorldSpec): LabCloud {
  return {
    setCapacity: (instanceType, zone, count) =>
      Promise.resolve(model.setCapacity(instanceType, zone, count)),
    breakBoots: (count) => Promise.resolve(model.addFault({ kind: 'never-boots', count })),
    plant: (instanceType, tags) => {
      const [id = ''] = model.plant({ instanceType, subnetId: spec.subnetId, tags });
      return Promise.resolve(id);
    },
    goAway: (forMs) => Promise.resolve(model.setOutage(forMs)),
    shutDown: (instanceId) => Promise.resolve(model.shutDown(instanceId)),
    stats: () =>
      Promise.resolve({
        reservations: countReservations(model.reservations()),
        runInstancesCalls: Object.values(model.stats().calls.RunInstances ?? {}).reduce(
          (sum, count) => sum + count,
          0,
        ),
        instances: [...model.instances()].map((instance) => ({
          instanceId: instance.id,
          instanceType: instance.instanceType,
          launchedAt: instance.launchedAt,
          terminatedAt: instance.endAskedAt,
        })),
      }),
  };
}

function createMuster(dir: string, slurm: SlurmModel, ask: LabMuster['ask']): LabMuster {
  let running: { controller: Controller; close(): void } | null = null;
  function linesOf(log: string): string[] {
    const path = join(dir, 'log', log);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return text.split('\n').filter((line) => line !== '');
  }
  async function start(files: MusterFiles): Promise<void> {
    const config = writeConfig(dir, files);
    const writer = openLedgerWriter(config.stateDir);
    if (writer.kind === 'locked') throw new Error(writer.message);
    const log = openFileLog(config.logDir);
    const controller = await composeController({
      config,
      ledger: writer.ledger,
      log,
      scheduler: slurm,
    });
    await controller.start(config.settings);
    const follower = followSlurm({
      scheduler: slurm,
      clock: createSystemClock(),
      log,
      reload: (settings) => controller.reload(settings),
    });
    follower.complete(config.settings);
    running = { controller, close: () => writer.ledger.close() };
  }
  async function stop(): Promise<void> {
    await running?.controller.stop(stopGraceMs);
    running?.close();
    running = null;
  }
  return {
    start,
    stop,
    // On the models it is the same process: what runs is left where it stands, and a new life begins.
    async kill(files) {
      running?.close();
      running = null;
      await start(files);
    },
    async restart(files) {
      await stop();
      await start(files);
    },
    ask,
    logLines: () => Promise.resolve(linesOf('slurm_resume.log')),
    consoles: () => Promise.resolve(linesOf('compute_console_output.log')),
  };
}
