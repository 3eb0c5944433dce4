/**
 * What a configuration looks like from the machine that it is checked on: paths that are not there, or are something else. Warnings
 * and no errors, since the check may run elsewhere than the daemon.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';

import type { Config, Loaded } from './config.ts';
import { effectiveSettings } from './effective.ts';
import { folders } from './places.ts';
import type { Notice } from './problem.ts';

export function lookAround(loaded: Loaded): readonly Notice[] {
  const { scontrolPath, slurmConf, stateDir, logDir } = loaded.config;
  return [
    ...(scontrolPath === null || isProgram(scontrolPath)
      ? []
      : [warning(loaded, 'slurm.scontrol', `${scontrolPath} is no program here`)]),
    ...(slurmConf === null || kindOf(slurmConf) !== 'nothing'
      ? []
      : [warning(loaded, 'slurm.slurm_conf', `there is no ${slurmConf} here`)]),
    ...lookAtFolder(loaded, 'state_dir', stateDir),
    ...lookAtFolder(loaded, 'log_dir', logDir),
    ...hookWarnings(loaded),
  ];
}

/** The hooks are shell scripts, which read no configuration. One warning, or none. */
export function hookWarnings(loaded: Loaded): readonly Notice[] {
  if (!hooksNeedScripts(loaded.config)) return [];
  const { stateDir } = loaded.config;
  const { variable, usual } = folders.state_dir;
  return [
    warning(
      loaded,
      'state_dir',
      `Slurm starts the hooks with an almost empty environment, and without ${variable} they put their requests into ${usual}: let slurm.conf name a script for each of the three that sets ${variable}=${stateDir} and runs it (docs/operating.md, "Another state folder")`,
    ),
  ];
}

export function hooksNeedScripts({ stateDir }: Config): boolean {
  return stateDir !== folders.state_dir.usual;
}

/** Muster makes the folder itself. */
function lookAtFolder(loaded: Loaded, name: string, path: string): Notice[] {
  switch (kindOf(path)) {
    case 'folder':
    case 'unknown':
      return [];
    case 'other':
      return [warning(loaded, name, `${path} is no folder`)];
    case 'nothing':
      if (['folder', 'unknown'].includes(kindOf(dirname(path)))) return [];
      return [warning(loaded, name, `there is no folder ${dirname(path)} here to make it in`)];
  }
}

function warning(loaded: Loaded, name: string, what: string): Notice {
  const from = effectiveSettings(loaded, null).find((setting) => setting.name === name)?.from;
  const { musterConfig, resumeConfig, clusterConfig } = loaded.config.sources;
  return {
    severity: 'warning',
    file: from?.file ?? musterConfig ?? resumeConfig ?? clusterConfig ?? 'configuration',
    line: from?.line ?? null,
    column: from?.column ?? null,
    message: `\`${name}\`: ${what}`,
  };
}

function kindOf(path: string): 'folder' | 'other' | 'nothing' | 'unknown' {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return 'nothing';
    return stat.isDirectory() ? 'folder' : 'other';
  } catch {
    // Who may not look knows nothing.
    return 'unknown';
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return kindOf(path) === 'other';
  } catch {
    return false;
  }
}
