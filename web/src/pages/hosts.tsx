import '../styles/servers.css'
import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import { Authorities, OF_HOSTS, OF_PEOPLE } from '../servers/authorities.tsx'
import { KnownHostsImport } from '../servers/known-hosts-import.tsx'
import { Sections } from '../servers/sections.tsx'

/** Whose host keys are accepted without a question, and whose word is taken for who somebody is. */
export function HostsPage() {
  const { t } = useTranslation()
  const mayImport = useRight('server_import')
  const seesPeople = useRight('user_authority_list')
  return (
    <>
      <title>{`${t('nav.hosts')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.hosts')}</h1>
        <Sections current="hosts" />
      </header>
      <p className="soft">{t('hosts.lead')}</p>
      <div className="known-hosts">
        <Authorities kind={OF_HOSTS} />
        {seesPeople && <Authorities kind={OF_PEOPLE} />}
        {mayImport && <KnownHostsImport />}
      </div>
    </>
  )
}
