/**
 * One configuration from up to three files: muster's own settings, ParallelCluster's resume configuration, and its
 * cluster file. Where several say something, muster's own wins, then the resume configuration, then the cluster
 * file, then the defaults.
 *
 * `loadConfig` reads and checks everything before it gives up, so that every error is reported at once. It does no
 * more than read files: whether the launch templates exist, or Slurm agrees, is for others to find out.
 */
import { basename, dirname, extname, resolve } from 'node:path';

import type { Settings } from '../core/settings.ts';
import { isClusterFile, looksLikeClusterFile, readClusterFile } from './cluster-file.ts';
import type { ClusterFile, Fleet } from './cluster-file.ts';
import { checkQueueNames } from './join-queues.ts';
import { joinSettings } from './join.ts';
import type { Env, FilesRead } from './join.ts';
import { readMusterYaml, readPlaces } from './muster-yaml.ts';
import { choosePlaces } from './places.ts';
import type { Places } from './places.ts';
import { emptyFindings, problemWith } from './problem.ts';
import type { Findings, Notice, Problem, SourceText } from './problem.ts';
import { mayExist, readConfigFile } from './read-file.ts';
import { readResumeConf } from './resume-conf.ts';
import type { ResumeConf } from './resume-conf.ts';
import { parseYaml, yamlProblem } from './yaml-file.ts';
import type { YamlFile } from './yaml-file.ts';

export { formatProblem } from './problem.ts';
export type { Places } from './places.ts';
export type { Notice, Problem } from './problem.ts';
export type { Fleet, FleetComputeResource, FleetQueue } from './cluster-file.ts';

/** The files that the configuration came from; null where there was none. */
export interface ConfigSources {
  readonly musterConfig: string | null;
  readonly resumeConfig: string | null;
  readonly clusterConfig: string | null;
}

export interface Config extends Places {
  readonly settings: Settings;
  /** What only the slurm.conf part needs; null when there is no cluster file. */
  readonly fleet: Fleet | null;
  readonly sources: ConfigSources;
}

export type LoadResult =
  | {
      readonly kind: 'loaded';
      readonly config: Config;
      /** What they say, for who asks where a setting comes from. */
      readonly files: FilesRead;
      readonly notices: readonly Notice[];
    }
  | {
      readonly kind: 'refused';
      /** Null: what is wrong may concern the places themselves. */
      readonly places: Places | null;
      readonly errors: readonly Problem[];
      readonly notices: readonly Notice[];
    };

export type Loaded = Extract<LoadResult, { kind: 'loaded' }>;

/** Where a configuration is looked for when nobody names one, in this order. */
export const usualConfigPaths: readonly string[] = [
  '/etc/muster/muster.yaml',
  '/etc/parallelcluster/slurm_plugin/parallelcluster_slurm_resume.conf',
];

export interface LoadRequest {
  /** A `.conf` of ParallelCluster's, muster's YAML or a cluster file; null: MUSTER_CONFIG, else the usual places. */
  readonly path: string | null;
  readonly env: Env;
  readonly usualPaths?: readonly string[];
}

/** Never throws: whatever is wrong with the files is in the result. */
export function loadConfig(request: LoadRequest): LoadResult {
  const findings = emptyFindings();
  const path = findPath(request, findings);
  const files = path === null ? null : readFiles(path, findings);
  const places = choosePlaces(files?.places ?? null, request.env, findings);
  const settings = files === null ? null : joinSettings(files, request.env, findings);
  if (files === null || settings === null || places === null || findings.errors.length > 0) {
    const { errors, notices } = findings;
    return { kind: 'refused', places, errors: inOrder(errors), notices };
  }
  const config: Config = {
    settings,
    ...places,
    fleet: files.cluster?.fleet ?? null,
    sources: {
      musterConfig: files.muster?.file ?? null,
      resumeConfig: files.conf?.file ?? null,
      clusterConfig: files.cluster?.file ?? null,
    },
  };
  return { kind: 'loaded', config, files, notices: findings.notices };
}

/** File by file, from top to bottom, as one mends them. */
function inOrder(errors: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(errors.map((error) => error.file))];
  return errors.toSorted(
    (a, b) =>
      files.indexOf(a.file) - files.indexOf(b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
}

function findPath(request: LoadRequest, findings: Findings): string | null {
  if (request.path === '') {
    const message = 'the name of the file is empty';
    const hint =
      'name a file behind `--config`, or leave it out; a variable in a script may be unset';
    findings.errors.push(problemWith('--config', { message, hint }));
    return null;
  }
  if (request.path !== null) return request.path;
  const fromEnvironment = request.env['MUSTER_CONFIG'] ?? '';
  if (fromEnvironment !== '') return fromEnvironment;
  const places = request.usualPaths ?? usualConfigPaths;
  const found = places.find(mayExist);
  if (found !== undefined) return found;
  const said = {
    message: `there is no configuration: neither ${places.join(' nor ')} exists`,
    hint: "name a file with --config FILE or MUSTER_CONFIG: ParallelCluster's .conf, its cluster file, or muster.yaml",
  };
  findings.errors.push(problemWith('configuration', said));
  return null;
}

const anyPurpose =
  "ParallelCluster's slurm_resume.conf, its cluster file (YAML) or muster's own settings (YAML)";
const confPurpose = "ParallelCluster's [slurm_resume] settings";
const clusterPurpose = "ParallelCluster's cluster configuration (YAML with `Scheduling:`)";

const noFiles: FilesRead = { places: {}, muster: null, conf: null, cluster: null };

function readFiles(path: string, findings: Findings): FilesRead | null {
  const source = readSource(path, anyPurpose, findings);
  if (source === null) return null;
  if (isConfFile(source)) {
    return { ...noFiles, conf: readResumeConf(source, findings) };
  }
  const yaml = parseYaml(source, anyPurpose, findings);
  if (yaml === null) return null;
  if (isClusterFile(yaml.value)) {
    return { ...noFiles, cluster: readClusterFile(yaml, findings) };
  }
  const says = readMusterYaml(yaml, findings);
  // Named files are read even when something else is wrong: all errors belong into one report.
  const conf = readNamed(yaml, 'resume_config', (named) => readConf(yaml, named, findings));
  const cluster = readNamed(yaml, 'cluster_config', (named) => readCluster(yaml, named, findings));
  if (cluster !== null) checkQueueNames(yaml, cluster, findings);
  const muster = says === null ? null : { file: path, yaml, says };
  return { places: readPlaces(yaml), muster, conf, cluster };
}

/** Reads a file that muster's settings name; a relative path starts at the settings' folder. */
function readNamed<T>(yaml: YamlFile, key: string, read: (path: string) => T | null): T | null {
  const named = yaml.value[key];
  if (typeof named !== 'string' || named === '') return null;
  return read(resolve(dirname(yaml.source.file), named));
}

function readConf(by: YamlFile, path: string, findings: Findings): ResumeConf | null {
  const source = readSource(path, confPurpose, findings);
  if (source === null) return null;
  if (!looksLikeClusterFile(source)) return readResumeConf(source, findings);
  const message = `this is ParallelCluster's cluster file: \`${path}\``;
  const hint = 'name it with `cluster_config`';
  findings.errors.push(yamlProblem(by, ['resume_config'], { message, hint }));
  return null;
}

function readCluster(by: YamlFile, path: string, findings: Findings): ClusterFile | null {
  const source = readSource(path, clusterPurpose, findings);
  if (source !== null && hasSection(source)) {
    const message = `this is ParallelCluster's slurm_resume.conf: \`${path}\``;
    const hint = 'name it with `resume_config`';
    findings.errors.push(yamlProblem(by, ['cluster_config'], { message, hint }));
    return null;
  }
  const yaml = source === null ? null : parseYaml(source, clusterPurpose, findings);
  return yaml === null ? null : readClusterFile(yaml, findings);
}

function readSource(path: string, purpose: string, findings: Findings): SourceText | null {
  const result = readConfigFile(path, purpose);
  switch (result.kind) {
    case 'read':
      return result.source;
    case 'unreadable':
      findings.errors.push(result.problem);
      return null;
    default:
      return result satisfies never;
  }
}

/** By its name, else by its first line: a section header in brackets alone on a line is no YAML that we read. */
function isConfFile(source: SourceText): boolean {
  switch (extname(basename(source.file)).toLowerCase()) {
    case '.conf':
    case '.ini':
    case '.cfg':
      return true;
    case '.yaml':
    case '.yml':
    case '.json':
      return false;
    default:
      return hasSection(source);
  }
}

function hasSection(source: SourceText): boolean {
  return source.lines.some((line) => /^\s*\[[A-Za-z_ ]+\]\s*$/.test(line));
}
