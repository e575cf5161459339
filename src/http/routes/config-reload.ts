/** Reads the configuration again, as SIGHUP does. */
import Type from 'typebox'
import { ServiceError } from '../../errors.ts'
import type { RoutePlugin } from '../app.ts'
import { answer, problemAnswer, problems } from '../schema.ts'

/** What became of a configuration that was read again: names of settings, `sources.tc.every`. */
export interface Reloaded {
  readonly applied: readonly string[]
  readonly restart: readonly string[]
}

/** @throws ServiceError CONFIGURATION_REFUSED with every error: nothing has changed then */
export type Reload = () => Promise<Reloaded>

const Answer = Type.Object(
  {
    applied: Type.Array(Type.String(), { description: 'What changed and holds from now on.' }),
    restart: Type.Array(Type.String(), { description: 'What changed and waits for a restart.' }),
  },
  { additionalProperties: false },
)

/** @param reload absent: this server has no configuration that could be read again */
export function configReloadRoute({ reload }: { readonly reload: Reload | undefined }): RoutePlugin {
  return (app) => {
    app.route({
      method: 'POST',
      url: '/api/v1/config/reload',
      config: { scope: 'admin', audit: 'config.reload' },
      schema: {
        operationId: 'reloadConfig',
        summary: 'Read the configuration again',
        description:
          'The file, and the files of secrets that it names. At once hold: API keys, the level of the log, `server.requestsPerMinute`, `server.drain`, and of sources, exporters and both ends of bridges the credentials, `timeout`, `proxy` and `tls`, unless other settings of the same one changed, too. All else that changed is named under `restart`. A configuration with an error changes nothing. Of several servers, each has to be told.',
        tags: ['Server'],
        response: {
          200: answer('Read, and taken as far as that goes without a restart.', Answer, {
            applied: ['auth.keys', 'sources.tc.settings.secretKey'],
            restart: ['feeds.block-ip.minScore'],
          }),
          ...problems(400, 401, 403, 429, 500),
          422: problemAnswer({
            description: 'It has errors; the server goes on with what it has.',
            code: 'CONFIGURATION_REFUSED',
            detail: 'the configuration has an error; nothing has changed',
            members: {
              errors: [
                {
                  pointer: '/sources/0/every',
                  detail:
                    'feed-server.yaml:12:12: sources[0].every: takes a duration such as 240m; received "soon"',
                },
              ],
            },
          }),
        },
      },
      handler: async () => {
        if (reload === undefined) {
          throw new ServiceError('CONFIGURATION_REFUSED', 'this server was not started from a configuration')
        }
        return reload()
      },
    })
  }
}
