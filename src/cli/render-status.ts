/** Shows what `muster status` knows: a headline, then a table for each thing that there is. */
import { foldHostlist } from '../core/hostlist.ts';
import type { LaunchLimits } from '../core/settings.ts';
import type { FleetStatus } from '../core/state.ts';
import type { Outage } from '../ports/outages.ts';
import { daemonWords } from './daemon-status.ts';
import type { Paint } from './paint.ts';
import type { LimitStatus, QueueStatus, ResourceStatus, SetStatus, Status } from './status.ts';
import type { GangStatus } from './status-gangs.ts';
import { renderTable, type Column } from './table.ts';
import { iso, isoOrNull, roughly } from './times.ts';

export function renderStatus(status: Status, paint: Paint): string {
  const sections = [
    headline(status, paint),
    resourceTable(status),
    setTable(status),
    queueTable(status),
    gangTable(status),
    jobTable(status),
    reservationTable(status),
    limitTable(status),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

function resourceTable({ resources }: Status): string {
  const counts = numbers('NODES', 'WANTED', 'HELD', 'BOOTING', 'UP', 'SPARES');
  const columns = [{ title: 'QUEUE' }, { title: 'COMPUTE RESOURCE' }, ...counts];
  return table(columns, resources.map(resourceRow));
}

function setTable({ at, sets }: Status): string {
  const columns = [
    { title: 'STATIC SET' },
    ...numbers('NODES', 'UP'),
    { title: 'STATE' },
    ...numbers('TRIES', 'NEXT TRY'),
    { title: 'CODE' },
    { title: 'WHY' },
  ];
  return table(
    columns,
    sets.map((set) => setRow(set, at)),
  );
}

function queueTable({ at, queues }: Status): string {
  const columns = [
    { title: 'FAILED BOOTS OF' },
    ...numbers('IN A ROW'),
    { title: 'PROTECTED' },
    { title: 'CODE' },
    { title: 'WHY' },
  ];
  const rows = queues.map((queue) => queueRow(queue, at));
  return table(columns, rows) + queues.map(consoleOf).join('');
}

function gangTable({ at, gangs }: Status): string {
  const columns = [
    { title: 'GANG' },
    { title: 'JOB' },
    ...numbers('NODES'),
    { title: 'PHASE' },
    ...numbers('SINCE'),
    { title: 'RUNG' },
    { title: 'WAITS FOR' },
  ];
  return table(
    columns,
    gangs.map((gang) => gangRow(gang, at)),
  );
}

function jobTable({ at, jobs }: Status): string {
  const columns = [
    { title: 'REFUSED JOB' },
    ...numbers('TRIES', 'NEXT TRY'),
    { title: 'CODE' },
    { title: 'WHY' },
  ];
  const rows = jobs.map(({ jobId, tries, nextAt, code, message }) => {
    const next = nextAt === null ? 'held' : untilWords(nextAt, at);
    return [String(jobId), String(tries), next, code, shortened(message)];
  });
  return table(columns, rows);
}

function reservationTable({ at, reservations }: Status): string {
  const columns = [
    { title: 'RESERVATION' },
    { title: 'TYPE' },
    { title: 'ZONE' },
    ...numbers('COUNT', 'SINCE'),
    { title: 'GANG' },
  ];
  const rows = reservations.map(({ reservationId, instanceType, zone, count, since, gangId }) => [
    reservationId,
    instanceType,
    zone,
    String(count),
    roughly(at - since),
    gangId,
  ]);
  return table(columns, rows);
}

function limitTable({ limits }: Status): string {
  const columns = [{ title: 'LIMIT OF' }, { title: 'LIMIT' }, ...numbers('USED', 'MOST')];
  return table(columns, limits.map(limitRow));
}

function headline(status: Status, paint: Paint): string {
  const { at, cluster, region, mode, daemon, gangs } = status;
  const where = `cluster ${cluster} in ${region}, mode ${mode}`;
  const open = gangs.length === 0 ? 'Nothing is under way.\n' : '';
  const works = `${paint.strong('muster')} ${daemonWords(daemon, at, paint)} (${where}).\n`;
  return `${works}${outageLines(status, paint)}${renderFleet(status, paint)}${open}`;
}

function outageLines({ at, outages }: Status, paint: Paint): string {
  const line = (who: string, outage: Outage | null | undefined): string => {
    if (outage === null || outage === undefined) return '';
    const { since, error } = outage;
    return `${who} ${paint.bad('has given no usable answer')} for ${roughly(at - since)}: ${error}\n`;
  };
  return `${line('Slurm', outages?.slurm)}${line('EC2', outages?.ec2)}`;
}

/** Whether the fleet runs, in a line or two. */
export function renderFleet({ at, fleet }: Pick<Status, 'at' | 'fleet'>, paint: Paint): string {
  const { status, since, partitions } = fleet;
  const waiting = partitions.length === 0 ? '' : ` Set inactive with it: ${partitions.join(', ')}.`;
  if (status === 'running') {
    const way = partitions.length === 0 ? '' : ` On their way up: ${partitions.join(', ')}.`;
    return `The fleet ${paint.good('runs')}.${way}\n`;
  }
  return `The fleet has been ${paint.warn('stopped')} for ${roughly(at - since)}: nothing is launched until "muster fleet start".${waiting}\n`;
}

function resourceRow(row: ResourceStatus): string[] {
  const { queue, computeResource, nodes, wanted, held, booting, up, spares } = row;
  const counts = [wanted, held, booting, up, spares].map((count) =>
    count === 0 ? '-' : String(count),
  );
  return [queue, computeResource, nodes === null ? '?' : String(nodes), ...counts];
}

function setRow(set: SetStatus, at: number): string[] {
  const { nodes, up, state, tries, nextAt, code, message } = set;
  const next = state === 'refused' && nextAt !== null ? untilWords(nextAt, at) : '-';
  const counts = [String(nodes), String(up), state, String(tries), next];
  return [set.set, ...counts, code === '' ? '-' : code, shortened(message)];
}

function queueRow(queue: QueueStatus, at: number): string[] {
  const { failures, protectedSince, code, message } = queue;
  const inARow = Math.max(0, ...Object.values(failures));
  const since = protectedSince === null ? 'no' : `for ${roughly(at - protectedSince)}`;
  return [queue.queue, String(inARow), since, code === '' ? '-' : code, shortened(message)];
}

/** The JSON has all that was kept. */
const consoleLinesShown = 8;

function consoleOf({ queue, protectedSince, console }: QueueStatus): string {
  if (protectedSince === null) return '';
  const start = `"muster queue start ${queue}" launches for it again.\n`;
  if (console === null) return start;
  const lines = console.tail.split('\n').slice(-consoleLinesShown);
  const shown = lines.map((text) => `  | ${text}\n`).join('');
  return `${start}The last lines of the console of ${console.node} (${console.instanceId}):\n${shown}`;
}

function untilWords(nextAt: number, at: number): string {
  return nextAt <= at ? 'now' : `in ${roughly(nextAt - at)}`;
}

function gangRow(gang: GangStatus, at: number): string[] {
  return [
    gang.id,
    jobWords(gang.jobIds),
    String(gang.nodes.length),
    gang.phase,
    roughly(at - gang.since),
    gang.rung ?? '-',
    gang.waitsFor,
  ];
}

/** A launch-batch may serve hundreds. */
const jobsShown = 3;

function jobWords(jobIds: readonly number[]): string {
  if (jobIds.length === 0) return '-';
  const more = jobIds.length > jobsShown ? `,+${jobIds.length - jobsShown}` : '';
  return `${jobIds.slice(0, jobsShown).join(',')}${more}`;
}

const limitWords: Readonly<Record<keyof LaunchLimits, string>> = {
  instances: 'instances',
  launchesPerHour: 'launches an hour',
  dollarsPerHour: 'dollars an hour',
};

function limitRow({ queue, limit, used, most }: LimitStatus): string[] {
  const number = (value: number): string =>
    limit === 'dollarsPerHour' ? value.toFixed(2) : String(value);
  return [queue ?? 'cluster', limitWords[limit], number(used), number(most)];
}

function shortened(message: string): string {
  const line = message.replaceAll(/\s+/g, ' ');
  return line.length <= 100 ? line : `${line.slice(0, 97)}...`;
}

function numbers(...titles: readonly string[]): Column[] {
  return titles.map((title) => ({ title, align: 'right' }));
}

function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : renderTable(columns, rows);
}

/** Both null: it answers. */
function outageJson(outage: Outage | null) {
  return { failingSince: isoOrNull(outage?.since ?? null), error: outage?.error ?? null };
}

/** `since` null: it was never stopped or started. */
function fleetJson({ since, ...fleet }: FleetStatus) {
  return { ...fleet, since: since === 0 ? null : iso(since) };
}

/** The shape is a promise, as that of the status is. */
export function renderFleetJson(fleet: FleetStatus, instances: number, left: object): string {
  return `${JSON.stringify({ ...fleetJson(fleet), instances, ...left }, null, 2)}\n`;
}

/** The shape is a promise to programs: fields are added, never renamed. Times are ISO 8601, node lists Slurm's hostlists. */
export function renderStatusJson(status: Status): string {
  const { daemon, outages, ...told } = status;
  const value = {
    ...told,
    at: iso(status.at),
    daemon: { ...daemon, heartbeatAt: isoOrNull(daemon.heartbeatAt) },
    slurm: outages === null ? null : outageJson(outages.slurm),
    ec2: outages === null ? null : outageJson(outages.ec2),
    fleet: fleetJson(status.fleet),
    sets: status.sets.map(({ nextAt, ...set }) => ({ ...set, nextAt: isoOrNull(nextAt) })),
    queues: status.queues.map(({ protectedSince, ...queue }) => ({
      ...queue,
      protectedSince: isoOrNull(protectedSince),
    })),
    gangs: status.gangs.map(({ nodes, since, deferred, ...gang }) => ({
      ...gang,
      size: nodes.length,
      nodes: foldHostlist(nodes),
      since: iso(since),
      deferred: deferred === null ? null : { ...deferred, nextAt: iso(deferred.nextAt) },
    })),
    jobs: status.jobs.map(({ jobId, tries, code, message, firstAt, lastAt, nextAt }) => ({
      jobId,
      tries,
      code,
      message,
      firstAt: iso(firstAt),
      lastAt: iso(lastAt),
      nextAt: isoOrNull(nextAt),
    })),
    reservations: status.reservations.map(({ since, ...one }) => ({ ...one, since: iso(since) })),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}
