import { Button } from 'antd'
import { useCallback, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/client.ts'
import {
  addHostKey,
  type CheckResult,
  checkServer,
  type HostKey,
  listHostKeys,
  type PresentedKey,
  type Server,
  scanHostKey,
} from '../api/servers.ts'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { Notice, ProblemNotice, useProblemWords } from '../parts/notice.tsx'
import { useAction } from '../parts/use-load.ts'
import { Reached } from './reached.tsx'

interface Tested {
  check: CheckResult | Problem
  key: PresentedKey | Problem | null
  pinned: HostKey[]
}

const orProblem = async <T,>(what: Promise<T>): Promise<T | Problem> => {
  try {
    return await what
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
}

async function test(server: Server): Promise<Tested> {
  const [check, key, pinned] = await Promise.all([
    orProblem(checkServer(server.id)),
    orProblem(scanHostKey(server.id)),
    orProblem(listHostKeys(server.id)),
  ])
  return { check, key, pinned: pinned instanceof Problem ? [] : pinned }
}

/** Whether it can be reached, and which key it shows; asked at once. */
export function TestServer({ server }: { server: Server }) {
  const { t } = useTranslation()
  const [tested, setTested] = useState<Tested | null>(null)
  const words = useProblemWords()
  const look = useCallback(() => test(server).then(setTested), [server])
  useEffect(() => void look(), [look])
  if (!tested) {
    return (
      <p className="soft" role="status">
        {t('servers.test.running', { name: server.name })}
      </p>
    )
  }
  const { check, key, pinned } = tested
  return (
    <section className="test" aria-label={t('servers.test')}>
      {check instanceof Problem ? (
        <Notice tone="bad">{words(check)}</Notice>
      ) : (
        <Notice tone={check.status === 'online' ? 'good' : 'bad'}>
          <Reached check={check} />
        </Notice>
      )}
      {key instanceof Problem ? (
        check instanceof Problem || check.status === 'online' ? (
          <ProblemNotice problem={key} />
        ) : null
      ) : (
        key && <ShownKey server={server} shown={key} pinned={pinned} changed={() => void look()} />
      )}
    </section>
  )
}

/** The key that the server shows now, beside those that are accepted. */
export function ShownKey({
  server,
  shown,
  pinned,
  changed,
}: {
  server: Server
  shown: PresentedKey
  pinned: readonly HostKey[]
  changed: () => void
}) {
  const { t } = useTranslation()
  const { busy, problem, run } = useAction()
  const known = shown.accepted
  const differs = !known && pinned.length > 0
  return (
    <Notice
      tone={known ? 'good' : differs ? 'bad' : 'wait'}
      action={
        !known &&
        !differs &&
        server.may.manage && (
          <Button
            loading={busy}
            onClick={() =>
              run(async () => {
                await addHostKey(server.id, shown.key)
                changed()
              })
            }
          >
            {t('servers.key.accept')}
          </Button>
        )
      }
    >
      <p>{t(known ? 'servers.key.known' : differs ? 'servers.key.differs' : 'servers.key.new')}</p>
      <Fingerprint algorithm={shown.algorithm} fingerprint={shown.fingerprint} />
      <ProblemNotice problem={problem} />
    </Notice>
  )
}
