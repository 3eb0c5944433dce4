/** The words that every request and answer of the EC2 model shares. */

export type Market = 'on-demand' | 'spot' | 'capacity-block';

export type Tags = Readonly<Record<string, string>>;

export interface TagSpecification {
  readonly resourceType: string;
  readonly tags: Tags;
}

/** Values of one filter are alternatives, several filters must all match; `*` and `?` are wildcards. */
export interface Filter {
  readonly name: string;
  readonly values: readonly string[];
}

export interface Paging {
  readonly maxResults?: number;
  readonly nextToken?: string;
}

export interface LaunchTemplateReference {
  readonly id?: string;
  readonly name?: string;
  /** `$Latest`, `$Default` or a number; absent: the default version. */
  readonly version?: string;
}
