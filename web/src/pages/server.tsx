import '../styles/servers.css'
import '../styles/limits.css'
import { Button } from 'antd'
import { useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLive, useStatuses } from '../api/live.ts'
import { useRight } from '../api/me.ts'
import {
  type CheckResult,
  checkServer,
  type Disconnected,
  disconnectServer,
  getServer,
  type Server,
} from '../api/servers.ts'
import { sessionName } from '../api/types.ts'
import { SettingsDialog } from '../limits/dialog.tsx'
import { Ago } from '../parts/ago.tsx'
import { follow, Link } from '../parts/link.tsx'
import { Notice, ProblemNotice } from '../parts/notice.tsx'
import { State } from '../parts/state.tsx'
import { Sure } from '../parts/sure.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { filesAddress, go, serverAddress, sessionAddress } from '../router.ts'
import { OpenAs, RemoveServers } from '../servers/dialogs.tsx'
import { ExecuteBox } from '../servers/execute.tsx'
import { ServerForm } from '../servers/form.tsx'
import { HostFacts } from '../servers/host-facts.tsx'
import { HostKeys } from '../servers/host-keys.tsx'
import { hasLines, LinesBox } from '../servers/lines-box.tsx'
import { needsChoice, openOn } from '../servers/open.ts'
import { ReachOfServer } from '../servers/reach-of.tsx'
import { Reached } from '../servers/reached.tsx'
import { ResourcesBox } from '../servers/resources.tsx'
import { addressWords, Status } from '../servers/status.tsx'
import { Missing } from './missing.tsx'

export function ServerPage({ id }: { id: number }) {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(useCallback(() => getServer(id), [id]))
  if (problem?.status === 404) return <Missing what="server" />
  return (
    <>
      <title>{`${data?.name ?? t('nav.servers')} · Bastide`}</title>
      <ProblemNotice problem={problem} retry={reload} />
      {data ? (
        <Shown server={data} reload={reload} />
      ) : (
        !problem && <p className="loading soft">{t('frame.loading')}</p>
      )}
    </>
  )
}

type Over = 'edit' | 'as' | 'limits' | 'remove' | null

function Shown({ server: known, reload }: { server: Server; reload: () => void }) {
  const { t } = useTranslation()
  const [server = known] = useStatuses(useMemo(() => [known], [known]))
  const [over, setOver] = useState<Over>(null)
  const [check, setCheck] = useState<CheckResult | null>(null)
  const opening = useAction()
  const checking = useAction()
  const sees = useRight('access_read')
  const reach = sees || server.may.manage
  const limits = useRight('session_settings_change')
  const close = () => {
    setOver(null)
    reload()
  }
  const open = async () => {
    try {
      await openOn(server)
    } catch (error) {
      if (!needsChoice(error)) throw error
      setOver('as')
    }
  }
  return (
    <>
      <header className="page-head">
        <Link href="/servers" className="crumb">
          {t('nav.servers')}
        </Link>
        <h1>{server.name}</h1>
        <Status server={server} />
        <span className="gap" />
        {server.may.redirect && <Button onClick={() => setOver('edit')}>{t('servers.edit')}</Button>}
        <Button
          loading={checking.busy}
          onClick={() =>
            checking.run(async () => {
              setCheck(await checkServer(server.id))
              reload()
            })
          }
        >
          {t('servers.check')}
        </Button>
        {server.may.rights.some((right) => right === 'upload' || right === 'download') && (
          <Button href={filesAddress(server.id)} onClick={(event) => follow(event, filesAddress(server.id))}>
            {t('files.title')}
          </Button>
        )}
        {server.may.use && (
          <>
            <Button onClick={() => setOver('as')}>{t('servers.open.as')}</Button>
            <Button type="primary" loading={opening.busy} onClick={() => opening.run(open)}>
              {t('servers.open')}
            </Button>
          </>
        )}
      </header>
      <ProblemNotice problem={opening.problem ?? checking.problem} />
      {check && (
        <Notice tone={check.status === 'online' ? 'good' : 'bad'}>
          <Reached check={check} />
          {check.facts && <HostFacts facts={check.facts} />}
        </Notice>
      )}
      <Facts server={server} />
      <div className="server-parts">
        <HostKeys server={server} />
        <SessionsOn server={server} />
        {server.may.rights.includes('execute') && <ExecuteBox server={server} />}
        {server.may.rights.includes('execute') && hasLines(server) && <LinesBox server={server} />}
        {server.may.use && <ResourcesBox server={server} />}
        {reach && <ReachOfServer server={server} />}
        {limits && <Limits open={() => setOver('limits')} />}
        {(server.may.use || server.may.redirect) && <End server={server} remove={() => setOver('remove')} />}
      </div>
      {over === 'edit' && <ServerForm server={server} close={close} />}
      {over === 'as' && <OpenAs server={server} close={() => setOver(null)} />}
      {over === 'limits' && (
        <SettingsDialog scope={{ server: server.id }} name={server.name} close={() => setOver(null)} />
      )}
      {over === 'remove' && (
        <RemoveServers servers={[server]} close={() => setOver(null)} removed={() => go('/servers')} />
      )}
    </>
  )
}

function Facts({ server }: { server: Server }) {
  const { t } = useTranslation()
  return (
    <>
      <dl className="facts">
        <Fact name={t('servers.column.address')}>
          <code>{addressWords(server)}</code>
        </Fact>
        <Fact name={t('servers.credential')}>
          {server.default_credential?.name ?? t('servers.credential.none')}
        </Fact>
        <Fact name={t('servers.jump')}>
          {server.jump ? <Link href={serverAddress(server.jump.id)}>{server.jump.name}</Link> : '–'}
        </Fact>
        <Fact name={t('servers.tags')}>{server.tags.join(', ') || '–'}</Fact>
        <Fact name={t('servers.group')}>{server.group ?? '–'}</Fact>
        <Fact name={t('servers.platform')}>{server.platform || '–'}</Fact>
        <Fact name={t('servers.column.checked')}>
          {server.last_check ? <Ago at={server.last_check} /> : '–'}
        </Fact>
      </dl>
      {server.notes && <p className="server-notes">{server.notes}</p>}
    </>
  )
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function SessionsOn({ server }: { server: Server }) {
  const { t } = useTranslation()
  const sessions = useLive().sessions.filter((session) => session.server?.id === server.id)
  return (
    <section aria-labelledby="server-sessions">
      <h2 id="server-sessions">{t('server.sessions')}</h2>
      {sessions.length === 0 && <p className="soft">{t('server.sessions.none')}</p>}
      <ul className="cards">
        {sessions.map((session) => (
          <li key={session.uid}>
            <div>
              <Link href={sessionAddress(session)}>{session.title || sessionName(session)}</Link>
              <p className="soft">
                {session.owner?.username ?? '–'} · <Ago at={session.created} />
              </p>
            </div>
            <State session={session} />
          </li>
        ))}
      </ul>
    </section>
  )
}

/** What holds for terminals on it, beside what holds for everybody's. */
function Limits({ open }: { open: () => void }) {
  const { t } = useTranslation()
  return (
    <section aria-labelledby="server-limits">
      <h2 id="server-limits">{t('nav.limits')}</h2>
      <p className="soft">{t('limits.server')}</p>
      <div className="form-actions">
        <Button onClick={open}>{t('limits.open')}</Button>
      </div>
    </section>
  )
}

function End({ server, remove }: { server: Server; remove: () => void }) {
  const { t } = useTranslation()
  const [asking, setAsking] = useState(false)
  const [done, setDone] = useState<Disconnected | null>(null)
  const { use, redirect } = server.may
  return (
    <section aria-labelledby="server-end">
      <h2 id="server-end">{t('server.end')}</h2>
      {use && <p className="soft">{t('server.disconnect.lead')}</p>}
      {done && <Notice tone="good">{t('server.disconnect.done', { ...done })}</Notice>}
      <div className="form-actions">
        {use && <Button onClick={() => setAsking(true)}>{t('server.disconnect')}</Button>}
        {redirect && (
          <Button danger onClick={remove}>
            {t('servers.remove.chosen')}
          </Button>
        )}
      </div>
      {asking && (
        <Sure
          title={t('server.disconnect.title', { name: server.name })}
          yes={t('server.disconnect.yes')}
          act={async () => setDone(await disconnectServer(server.id))}
          close={() => setAsking(false)}
        >
          <p>{t('server.disconnect.sure')}</p>
        </Sure>
      )}
    </section>
  )
}
