import '../styles/servers.css'
import '../styles/files.css'
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { getServer } from '../api/servers.ts'
import { Browser } from '../files/browser.tsx'
import { Link } from '../parts/link.tsx'
import { Notice, ProblemNotice } from '../parts/notice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { serverAddress } from '../router.ts'
import { Missing } from './missing.tsx'

/** Files of a server. */
export function FilesPage({ id }: { id: number }) {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(useCallback(() => getServer(id), [id]))
  if (problem?.status === 404) return <Missing what="server" />
  const may = data?.may.rights.some((right) => right === 'upload' || right === 'download')
  return (
    <>
      <title>{`${t('files.of', { name: data?.name ?? '' })} · Bastide`}</title>
      <ProblemNotice problem={problem} retry={reload} />
      {!data && !problem && <p className="loading soft">{t('frame.loading')}</p>}
      {data && (
        <>
          <header className="page-head">
            <Link href="/servers" className="crumb">
              {t('nav.servers')}
            </Link>
            <Link href={serverAddress(id)} className="crumb">
              {data.name}
            </Link>
            <h1>{t('files.title')}</h1>
          </header>
          {may ? <Browser server={data} /> : <Notice tone="wait">{t('files.none')}</Notice>}
        </>
      )}
    </>
  )
}
