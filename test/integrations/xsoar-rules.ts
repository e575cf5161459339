/** What XSOAR asks of an integration's yml, as far as it can be told from the file alone. */
export interface Parameter {
  readonly name: string
  readonly display?: string
  readonly displaypassword?: string
  readonly type: number
  readonly required?: boolean
  readonly defaultvalue?: string
  readonly options?: readonly string[]
  readonly additionalinfo?: string
  readonly hiddenusername?: boolean
  readonly section?: string
}

export interface Argument {
  readonly name: string
  readonly description: string
  readonly required?: boolean
  readonly default?: boolean
  readonly defaultValue?: string
  readonly isArray?: boolean
  readonly auto?: string
  readonly predefined?: readonly string[]
}

export interface Command {
  readonly name: string
  readonly description: string
  readonly arguments: readonly Argument[]
  readonly outputs: readonly {
    readonly contextPath: string
    readonly description: string
    readonly type: string
  }[]
}

export interface Integration {
  readonly commonfields: { readonly id: string; readonly version: number }
  readonly name: string
  readonly display: string
  readonly category: string
  readonly description: string
  readonly sectionorder: readonly string[]
  readonly configuration: readonly Parameter[]
  readonly script: {
    readonly commands: readonly Command[]
    readonly dockerimage: string
    readonly feed: boolean
    readonly script: string
    readonly subtype: string
    readonly type: string
  }
  readonly fromversion: string
  readonly tests: readonly string[]
}

/** Of the platform: it has them for every feed, and they have to look like this. `info` has to be within the text. */
const feedParameters: readonly (Omit<Parameter, 'additionalinfo'> & { readonly info?: string })[] = [
  { name: 'feed', display: 'Fetch indicators', type: 8, required: false, defaultvalue: 'true' },
  {
    name: 'feedReputation',
    display: 'Indicator Reputation',
    type: 18,
    required: false,
    options: ['None', 'Good', 'Suspicious', 'Bad'],
    info: 'Indicators from this integration instance will be marked with this reputation',
  },
  {
    name: 'feedReliability',
    display: 'Source Reliability',
    type: 15,
    required: true,
    options: [
      'A - Completely reliable',
      'B - Usually reliable',
      'C - Fairly reliable',
      'D - Not usually reliable',
      'E - Unreliable',
      'F - Reliability cannot be judged',
    ],
    info: 'Reliability of the source providing the intelligence data',
  },
  {
    name: 'tlp_color',
    display: 'Traffic Light Protocol Color',
    type: 15,
    required: false,
    options: ['RED', 'AMBER', 'GREEN', 'WHITE'],
    info: 'The Traffic Light Protocol (TLP) designation to apply to indicators fetched from the feed',
  },
  // Whole snapshots, so what left can expire by having left.
  {
    name: 'feedExpirationPolicy',
    display: '',
    type: 17,
    required: false,
    options: ['never', 'interval', 'indicatorType', 'suddenDeath'],
  },
  { name: 'feedExpirationInterval', display: '', type: 1, required: false },
  { name: 'feedFetchInterval', display: 'Feed Fetch Interval', type: 19, required: false },
  {
    name: 'feedBypassExclusionList',
    display: 'Bypass exclusion list',
    type: 8,
    required: false,
    info: 'When selected, the exclusion list is ignored for indicators from this feed. This means that if an indicator from this feed is on the exclusion list, the indicator might still be added to the system.',
  },
  { name: 'feedTags', display: 'Tags', type: 0, required: false, info: 'Supports CSV values.' },
  { name: 'insecure', display: 'Trust any certificate (not secure)', type: 8, required: false },
  { name: 'proxy', display: 'Use system proxy settings', type: 8, required: false },
]

/** Short text, encrypted, check box, credentials, long text, single and multiple choice, and those of feeds. */
const parameterTypes = [0, 1, 4, 8, 9, 12, 13, 15, 16, 17, 18, 19]
const choices = [15, 16, 17, 18]
const outputTypes = ['String', 'Number', 'Boolean', 'Date', 'Unknown']

function repeated(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index)
}

function parameterFaults(given: Parameter, sections: readonly string[]): string[] {
  const { name, display, displaypassword, type, required, defaultvalue, options = [] } = given
  const faults = [
    [!parameterTypes.includes(type), `unknown type ${type}`],
    [display === undefined, 'no display'],
    [
      display === '' && ![17, 1].includes(type) && !(type === 9 && displaypassword),
      'display and displaypassword are empty',
    ],
    [typeof required !== 'boolean', 'required is not said'],
    [choices.includes(type) !== options.length > 0, 'a choice has options, nothing else has'],
    [
      type === 8 && ![undefined, 'true', 'false'].includes(defaultvalue),
      'the default of a check box is a text',
    ],
    [defaultvalue !== undefined && typeof defaultvalue !== 'string', 'the default is no text'],
    [
      [15, 16, 17].includes(type) && defaultvalue !== undefined && !options.includes(defaultvalue),
      'the default is no option',
    ],
    [type === 9 && given.hiddenusername !== true, 'a key alone has no user name'],
    [!sections.includes(given.section ?? ''), 'no section of sectionorder'],
    [
      !isFeedParameter(name) && type !== 9 && !given.additionalinfo?.endsWith('.'),
      'additionalinfo is no sentence',
    ],
  ] as const
  return faults.filter(([is]) => is).map(([, what]) => `parameter ${name}: ${what}`)
}

export function isFeedParameter(name: string): boolean {
  return feedParameters.some((one) => one.name === name)
}

function feedFaults(configuration: readonly Parameter[]): string[] {
  return feedParameters.flatMap(({ info, ...expected }) => {
    const found = configuration.find(({ name }) => name === expected.name)
    if (found === undefined) return [`parameter ${expected.name} is missing`]
    const differing = Object.entries(expected).filter(
      ([key, value]) => JSON.stringify(found[key as keyof Parameter]) !== JSON.stringify(value),
    )
    const lacks =
      info !== undefined && !found.additionalinfo?.includes(info) ? [['additionalinfo', info]] : []
    return [...differing, ...lacks].map(
      ([key, value]) => `parameter ${expected.name}: ${key} has to be ${value}`,
    )
  })
}

function commandFaults({ name, description, arguments: args, outputs }: Command): string[] {
  const faults = [
    [!/^[a-z]+(-[a-z]+)+$/.test(name), 'the name is no kebab case'],
    [!description.endsWith('.'), 'the description is no sentence'],
    [args.filter((one) => one.default).length > 1, 'two default arguments'],
    [repeated(args.map((one) => one.name)).length > 0, 'an argument twice'],
    [repeated(outputs.map(({ contextPath }) => contextPath)).length > 0, 'an output twice'],
    ...args.flatMap((one) => argumentFaults(one)),
    ...outputs.map(
      ({ contextPath, description, type }) =>
        [
          !/^FeedServer(\.\w+)+$/.test(contextPath) ||
            !description.endsWith('.') ||
            !outputTypes.includes(type),
          `output ${contextPath} is incomplete`,
        ] as const,
    ),
  ] as const
  return faults.filter(([is]) => is).map(([, what]) => `command ${name}: ${what}`)
}

function argumentFaults(given: Argument): (readonly [boolean, string])[] {
  const { name, description, required = false, defaultValue, isArray = false, auto, predefined } = given
  const pieces = defaultValue === undefined ? [] : isArray ? defaultValue.split(',') : [defaultValue]
  return [
    [!/^[a-z_]+$/.test(name), `argument ${name} is no snake case`],
    [!description.endsWith('.'), `the description of ${name} is no sentence`],
    [required && defaultValue !== undefined, `${name} is required and has a default`],
    [
      (auto === 'PREDEFINED') !== (predefined !== undefined),
      `${name}: auto PREDEFINED and predefined go together`,
    ],
    [defaultValue !== undefined && typeof defaultValue !== 'string', `the default of ${name} is no text`],
    [predefined?.some((one) => typeof one !== 'string') === true, `${name}: a predefined value is no text`],
    [
      predefined !== undefined && pieces.some((piece) => !predefined.includes(piece)),
      `the default of ${name} is not predefined`,
    ],
  ]
}

/** Everything that is wrong with the yml; empty where it is good. */
export function integrationFaults(yml: Integration): string[] {
  const { commonfields, name, display, configuration, script, fromversion, sectionorder } = yml
  const [major = 0, minor = 0] = fromversion.split('.').map(Number)
  const faults = [
    [commonfields.version !== -1, 'commonfields.version has to be -1'],
    [new Set([commonfields.id, name, display]).size !== 1, 'id, name and display differ'],
    [!name.endsWith('Feed'), 'the name of a feed ends with Feed'],
    [yml.category !== 'Data Enrichment & Threat Intelligence', 'the category of feeds'],
    [!yml.description.endsWith('.'), 'the description is no sentence'],
    [script.type !== 'python' || script.subtype !== 'python3', 'type and subtype'],
    [script.script !== '-', 'the code belongs into its own file'],
    [script.feed !== true, 'script.feed'],
    [
      !/^demisto\/python3:3\.\d+\.\d+\.\d{4,}$/.test(script.dockerimage),
      'the image needs one tag, not latest',
    ],
    [!/^\d+\.\d+\.\d+$/.test(fromversion) || major * 100 + minor < 605, 'noUpdate needs fromversion 6.5.0'],
    [yml.tests.length === 0, 'tests has to say something'],
    [repeated(configuration.map((one) => one.name)).length > 0, 'a parameter twice'],
    [repeated(script.commands.map((one) => one.name)).length > 0, 'a command twice'],
  ] as const
  return [
    ...faults.filter(([is]) => is).map(([, what]) => what),
    ...configuration.flatMap((one) => parameterFaults(one, sectionorder)),
    ...feedFaults(configuration),
    ...script.commands.flatMap(commandFaults),
  ]
}
