<?xml version="1.0" encoding="utf-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="xml" encoding="utf-8"/>
  <xsl:template match="@* | node()"><xsl:copy><xsl:apply-templates select="@* | node()"/></xsl:copy></xsl:template>
  <xsl:template match="/configuration/system.net/defaultProxy[1]"><defaultProxy enabled="false"/></xsl:template>
  <xsl:template match="/configuration/system.net/defaultProxy[position() &gt; 1]"/>
  <xsl:template match="/configuration/system.net[1][not(defaultProxy)]"><xsl:copy><xsl:apply-templates select="@* | node()"/><defaultProxy enabled="false"/></xsl:copy></xsl:template>
  <xsl:template match="/configuration[not(system.net)]"><xsl:copy><xsl:apply-templates select="@* | node()"/><system.net><defaultProxy enabled="false"/></system.net></xsl:copy></xsl:template>
</xsl:stylesheet>
