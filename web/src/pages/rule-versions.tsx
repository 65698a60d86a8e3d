import '../styles/servers.css'
import '../styles/rules.css'
import { Button } from 'antd'
import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import { getVersion, listVersions, MAY, restoreVersion, type VersionInfo } from '../api/rules.ts'
import { Ago } from '../parts/ago.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Sure } from '../parts/sure.tsx'
import { useLoad } from '../parts/use-load.ts'
import { usePages } from '../parts/use-pages.ts'
import { useQuery } from '../router.ts'
import { DiffView } from '../rules/diff-view.tsx'
import { RulesSections } from '../rules/sections.tsx'

export function RuleVersionsPage() {
  const { t } = useTranslation()
  const [query, change] = useQuery()
  const { rows, problem, rest, more, reload } = usePages(listVersions)
  const newest = rows?.[0]?.version ?? 0
  const shown = Number(query.get('v')) || newest
  return (
    <>
      <title>{`${t('rules.section.versions')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('rules.section.versions')}</h1>
        <RulesSections current="versions" />
      </header>
      <p className="soft">{t('rules.version.lead')}</p>
      <ProblemNotice problem={problem} retry={reload} />
      {rows && (
        <div className="versions">
          <ol aria-label={t('rules.section.versions')}>
            {rows.map((one) => (
              <li key={one.version}>
                <button
                  type="button"
                  aria-current={one.version === shown || undefined}
                  onClick={() => change({ v: String(one.version) })}
                >
                  <VersionWords version={one} holds={one.version === newest} />
                </button>
              </li>
            ))}
            {rest && (
              <li>
                <button type="button" className="quiet" onClick={more}>
                  {t('rules.version.more')}
                </button>
              </li>
            )}
          </ol>
          {shown > 0 && (
            <Shown
              key={shown}
              version={shown}
              holds={shown === newest}
              restored={() => {
                change({ v: '' })
                reload()
              }}
            />
          )}
        </div>
      )}
    </>
  )
}

function VersionWords({ version, holds }: { version: VersionInfo; holds: boolean }) {
  const { t } = useTranslation()
  return (
    <>
      <span>
        <strong>{t('rules.version', { n: version.version })}</strong>{' '}
        {holds && <span className="badge">{t('rules.version.holds')}</span>}
      </span>
      <span className="soft">
        {version.author ?? 'Bastide'} · <Ago at={version.created} />
      </span>
      {version.note && <span>{version.note}</span>}
    </>
  )
}

/** One version, and what it changed. */
function Shown({ version, holds, restored }: { version: number; holds: boolean; restored: () => void }) {
  const { t } = useTranslation()
  const may = useRight(MAY.change)
  const [asking, setAsking] = useState(false)
  const load = useCallback(
    () =>
      Promise.all([getVersion(version), version > 1 ? getVersion(version - 1) : { rules: { version: 1 } }]),
    [version],
  )
  const { data, problem, reload } = useLoad(load)
  return (
    <section aria-labelledby="version-shown">
      <header className="part-head">
        <h2 id="version-shown">{t('rules.version.changes', { n: version })}</h2>
        <span className="gap" />
        {may && !holds && data && (
          <Button onClick={() => setAsking(true)}>{t('rules.version.restore')}</Button>
        )}
      </header>
      <ProblemNotice problem={problem} retry={reload} />
      {data && (
        <>
          <p className="soft">
            SHA-256 <code className="digest">{data[0].digest}</code>
          </p>
          <DiffView before={data[1]} after={data[0]} />
        </>
      )}
      {asking && (
        <Sure
          title={t('rules.version.restore.title', { n: version })}
          yes={t('rules.version.restore.yes')}
          act={async () => {
            await restoreVersion(version)
            restored()
          }}
          close={() => setAsking(false)}
        >
          <p>{t('rules.version.restore.lead')}</p>
        </Sure>
      )}
    </section>
  )
}
