// What the stand-in says about session settings.

const settings = (more = {}) => ({ environment: [], deny: [], limits: { group: {} }, read_only: [], ...more })

export const sessionSettings = () => ({
  global: {
    ...{ version: 3, changed: '2026-11-20T08:00:00Z', author: 'admin' },
    settings: settings({
      environment: [
        { name: 'HTTP_PROXY', value: 'http://proxy:3128' },
        { name: 'API_TOKEN', secret: true },
      ],
      ...{ deny: ['AWS_*'], umask: '027', idle_timeout: 28_800, max_sessions: 10 },
      limits: { open_files: 4096, group: { memory: 2 * 1024 ** 3, processes: 500 } },
    }),
  },
})

export const ownSettings = () => [
  { setting: 'environment.API_TOKEN', secret: true, from: 'global' },
  { setting: 'environment.LANG', value: 'zh_CN.UTF-8', secret: false, from: 'user' },
  { setting: 'deny', value: 'AWS_*', secret: false, from: 'global' },
  { setting: 'limits.group.memory', value: 2 * 1024 ** 3, secret: false, from: 'global' },
  { setting: 'private_tmp', value: true, secret: false, from: 'user' },
  { setting: 'idle_timeout', value: 28_800, secret: false, from: 'global' },
  { setting: 'of_tomorrow', value: 1, secret: false, from: 'global' },
]

/** An answer to a request about these, or null when it is none of them. */
export function aboutSettings(world, method, path, body, more) {
  const [, , , list, scope, id] = path.split('/')
  if (list !== 'session-settings') return null
  if (scope === 'effective') return { status: 200, body: { settings: world.ownSettings } }
  const key = id ? `${scope}/${id}` : scope
  const now = world.sessionSettings[key] ?? {
    ...{ version: 0, changed: null, author: null },
    settings: settings(),
  }
  if (method === 'GET') return { status: 200, body: now }
  if (more.known !== `"${now.version}"`) return { status: 412, kind: 'changed_meanwhile', body: 'changed' }
  const changed = new Date().toISOString()
  world.sessionSettings[key] = { version: now.version + 1, changed, author: world.me, settings: body }
  return { status: 200, body: world.sessionSettings[key] }
}
