/** The log as the controller sees it: lines, their level and who speaks. Where they go is an adapter's business. */
export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

export interface LogLine {
  readonly level: LogLevel;
  /** Who speaks, as `module:function` in ParallelCluster's log format. */
  readonly source: string;
  readonly message: string;
}

export interface Log {
  write(line: LogLine): void;
}
