/** Launch templates: named sets of launch parameters with numbered versions, and how a request is laid over one. */
import type { Instant } from '../../core/units.ts';
import {
  missingParameter,
  templateNameTaken,
  unknownTemplateId,
  unknownTemplateName,
  unknownTemplateVersion,
} from './errors.ts';
import type {
  DescribeLaunchTemplatesRequest,
  LaunchParameters,
  LaunchTemplateReference,
  LaunchTemplateVersionView,
  LaunchTemplateView,
  TagSpecification,
} from './types.ts';

export interface LaunchTemplates {
  /** Throws Ec2ApiError when the name is taken. */
  create(name: string, data: LaunchParameters, now: Instant): LaunchTemplateView;
  /** The new version becomes `$Latest`; the default stays. Throws Ec2ApiError for an unknown template. */
  addVersion(
    template: LaunchTemplateReference,
    data: LaunchParameters,
    now: Instant,
  ): LaunchTemplateVersionView;
  /** Throws Ec2ApiError for a template or version that is not there. */
  find(reference: LaunchTemplateReference): LaunchTemplateVersionView;
  describe(request: DescribeLaunchTemplatesRequest): readonly LaunchTemplateView[];
  versions(
    template: LaunchTemplateReference,
    versions: readonly string[],
  ): readonly LaunchTemplateVersionView[];
}

interface Template {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Instant;
  readonly versions: { readonly data: LaunchParameters; readonly createdAt: Instant }[];
}

function viewTemplate(template: Template): LaunchTemplateView {
  return {
    id: template.id,
    name: template.name,
    createdAt: template.createdAt,
    defaultVersion: 1,
    latestVersion: template.versions.length,
  };
}

function viewVersion(template: Template, version: string): LaunchTemplateVersionView {
  const number =
    version === '$Latest'
      ? template.versions.length
      : version === '$Default' || version === ''
        ? 1
        : Number(version);
  const found = template.versions[number - 1];
  if (found === undefined) throw unknownTemplateVersion(template.id, version);
  return {
    id: template.id,
    name: template.name,
    version: number,
    isDefault: number === 1,
    createdAt: found.createdAt,
    data: found.data,
  };
}

export function createLaunchTemplates(newId: () => string): LaunchTemplates {
  const byName = new Map<string, Template>();
  const byId = new Map<string, Template>();
  function template(reference: LaunchTemplateReference): Template {
    if (reference.id !== undefined) {
      const found = byId.get(reference.id);
      if (found === undefined) throw unknownTemplateId(reference.id);
      return found;
    }
    if (reference.name === undefined) throw missingParameter('LaunchTemplateName');
    const found = byName.get(reference.name);
    if (found === undefined) throw unknownTemplateName(reference.name);
    return found;
  }
  return {
    create(name, data, now) {
      if (byName.has(name)) throw templateNameTaken();
      const created = { id: newId(), name, createdAt: now, versions: [{ data, createdAt: now }] };
      byName.set(name, created);
      byId.set(created.id, created);
      return viewTemplate(created);
    },
    addVersion(reference, data, now) {
      const found = template(reference);
      found.versions.push({ data, createdAt: now });
      return viewVersion(found, '$Latest');
    },
    find: (reference) => viewVersion(template(reference), reference.version ?? ''),
    describe({ ids = [], names = [] }) {
      if (ids.length === 0 && names.length === 0) return [...byName.values()].map(viewTemplate);
      return [
        ...ids.map((id) => viewTemplate(template({ id }))),
        ...names.map((name) => viewTemplate(template({ name }))),
      ];
    },
    versions(reference, versions) {
      const found = template(reference);
      const wanted =
        versions.length > 0 ? versions : found.versions.map((_, index) => String(index + 1));
      return wanted.map((version) => viewVersion(found, version));
    },
  };
}

function mergeTagSpecifications(
  below: readonly TagSpecification[],
  above: readonly TagSpecification[],
): readonly TagSpecification[] {
  const merged = new Map(below.map((each) => [each.resourceType, each.tags]));
  for (const { resourceType, tags } of above) {
    merged.set(resourceType, { ...merged.get(resourceType), ...tags });
  }
  return [...merged].map(([resourceType, tags]) => ({ resourceType, tags }));
}

/** The request's own parameters win over the template's; tags are merged. */
export function layOver(template: LaunchParameters, request: LaunchParameters): LaunchParameters {
  return {
    ...template,
    ...Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)),
    tagSpecifications: mergeTagSpecifications(
      template.tagSpecifications ?? [],
      request.tagSpecifications ?? [],
    ),
  };
}
