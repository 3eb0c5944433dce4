/** Where the consoles of instances that did not boot are kept whole. */
export interface ConsoleLog {
  /** `output`: as EC2 has it. Never throws: what cannot be kept is no reason to stop. */
  append(console: {
    readonly node: string;
    readonly instanceId: string;
    readonly output: string;
  }): void;
}
